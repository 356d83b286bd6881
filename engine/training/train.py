"""Training: settings put together, data checked, and both handed to PaddleFormers on every node."""

import importlib.metadata
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundray.engine.storage import PRIVATE, LocalStore
from groundray.engine.training.checkpoints import newest_complete, read_checkpoints
from groundray.engine.training.data import (
    TrainingData,
    check_trainer_path,
    find_training_data,
)
from groundray.engine.training.job import TrainingJob
from groundray.engine.training.preflight import CHECKED, Preflight, check_data
from groundray.engine.training.record import check_start
from groundray.engine.training.settings import (
    CHECKPOINTS,
    ESTIMATION,
    SUPPORT,
    SWEEP,
    VISUALDL,
    TrainerSettings,
    compose_settings,
)
from groundray.formats.errors import ModelError, OutputError
from groundray.models.checkpoints import is_model_name, is_url, read_config, shown
from groundray.models.recipes import Recipe, default_recipe, get_recipe, recipe_names
from groundray.models.trainer_arguments import trainer_keys, typed, unknown_settings

if TYPE_CHECKING:
    from groundray.engine.training.launch import TrainingResult
    from groundray.engine.training.log import TrainingProgress
    from groundray.engine.training.node import Line

RECIPE = "recipe.yaml"
PREFLIGHT = "preflight.json"

_MAX_GPUS_PER_NODE = 8
_OURS = {
    RECIPE,
    PREFLIGHT,
    SUPPORT,
    ESTIMATION,
    CHECKPOINTS,
    VISUALDL,
    SWEEP,
    PRIVATE,
    "logs",
    "metrics.jsonl",
}


@dataclass(frozen=True, slots=True)
class Training:
    """A training that is planned; nothing of it is written yet.

    Attributes:
        data: that it reads.
        recipe: that it follows.
        settings: all that the trainer is told.
        job: what the launch needs to know.
        global_batch: sequences in a step, over all GPUs.
        warnings: sentences for people.
    """

    data: TrainingData
    recipe: Recipe
    settings: TrainerSettings
    job: TrainingJob
    global_batch: int
    warnings: tuple[str, ...] = ()


def plan_training(  # noqa: PLR0913  the options of a command
    data: str,
    output: str,
    *,
    model: str,
    recipe: str | None = None,
    nodes: int = 1,
    gpus_per_node: int | None = None,
    settings: Mapping[str, Any] | None = None,
    resume: bool = False,
) -> Training:
    """Settles everything about a training, and writes nothing.

    Args:
        data: `CONVERTED/FORMAT`, a folder that every node sees.
        output: folder that every node sees.
        model: folder of a checkpoint, or the name of a model.
        recipe: name or YAML file; by default all of the model that the format is for.
        nodes: how many machines take part.
        gpus_per_node: trainer processes on each; 0 for one on the CPU; by default as many as the
            recipe is written for, 8 at most.
        settings: of the trainer, over those of the recipe.
        resume: whether OUTPUT may hold a part of this training.

    Raises:
        SourceError: DATA is not what the trainer can read.
        ModelError: no such model, recipe or setting, or they do not go together.
        OutputError: OUTPUT holds a training that is not to be resumed, or something else.
    """
    found = find_training_data(data)
    target = _output_folder(output)
    on_cpu = gpus_per_node == 0
    chosen_recipe = (
        default_recipe(found.format_name, on_cpu=on_cpu) if recipe is None else get_recipe(recipe)
    )
    gpus = _gpus_per_node(chosen_recipe, nodes, gpus_per_node)
    model = _checked_model(model, chosen_recipe)
    chosen, warnings = _checked_settings(settings or {})
    composed = compose_settings(
        chosen_recipe,
        found,
        target,
        model=model,
        chosen=chosen,
        version=_trainer_version(),
    )
    _check_output(target, composed, resume=resume)
    job = TrainingJob(str(target), str(target / RECIPE), nodes, gpus)
    batch = _global_batch(composed, job)
    of_data = _warnings_of(found, chosen_recipe)
    return Training(
        found, chosen_recipe, composed, job, batch, (*warnings, *of_data, *composed.warnings)
    )


def train(  # noqa: PLR0913  the options of a command
    training: Training,
    *,
    address: str | None = None,
    resume: bool = False,
    check: int | None = CHECKED,
    on_check: Callable[[Preflight], None] | None = None,
    on_reserved: Callable[[], None] = lambda: None,
    on_line: Callable[["Line"], None] | None = None,
    on_progress: Callable[["TrainingProgress"], None] | None = None,
) -> "TrainingResult":
    """Checks the data, writes OUTPUT's files, and runs the trainer on every node until it is done.

    Args:
        training: as planned.
        address: of a running Ray cluster; None for one on this machine.
        resume: whether to go on from the newest whole checkpoint.
        check: examples whose images are decoded and tokens counted; None for all.
        on_check: told what the preflight found, before its errors stop the training.
        on_reserved: called once the training has its nodes.
        on_line: gets every line of every process.
        on_progress: told how far the training is.

    Raises:
        SourceError: the data has errors.
        OutputError: OUTPUT cannot be written.
        TrainingError: a node is missing or failed.
    """
    from groundray.engine.training.launch import launch

    report = check_data(training, sample=check)
    if on_check is not None:
        on_check(report)
    report.raise_for_errors()

    def prepare() -> None:
        output = Path(training.job.output)
        if not _check_output(output, training.settings, resume=resume):
            write_training(training, report)

    return launch(
        training.job,
        address=address,
        resume=resume,
        prepare=prepare,
        on_reserved=on_reserved,
        on_line=on_line,
        on_progress=on_progress,
    )


def write_training(training: Training, report: Preflight) -> None:
    """Writes what the trainer reads, complete: it can be run by hand from there.

    Raises:
        OutputError: OUTPUT cannot be written.
    """
    from groundray.models import cpu_support

    output = Path(training.job.output)
    try:
        output.mkdir(parents=True, exist_ok=True)
        if str(training.settings.values.get("custom_register_path")) == str(output / SUPPORT):
            shutil.copyfile(cpu_support.__file__, output / SUPPORT)
        (output / PREFLIGHT).write_bytes(report.to_json())
        Path(training.job.config).write_text(recipe_file(training), "utf-8")
    except OSError as error:
        raise OutputError(f"{str(output)!r} cannot be written: {error}") from error


def describe_start(training: Training) -> str:
    """What a start would write and run: OUTPUT/recipe.yaml, and each node's command."""
    from groundray.engine.training.command import describe_launch, resume_settings

    output = Path(training.job.output)
    if _check_output(output, training.settings, resume=True):
        return f"# {output} holds this training, finished: nothing would run\n"
    newest = newest_complete(read_checkpoints(output / CHECKPOINTS))
    settings = resume_settings(None if newest is None else newest.path)
    launch = describe_launch(training.job, settings)
    return f"# {training.job.config}\n{recipe_file(training)}\n{launch}"


def recipe_file(training: Training) -> str:
    """The text of OUTPUT/recipe.yaml: how to run it by hand, and every setting."""
    from groundray.engine.training.command import by_hand

    return (
        "# What the trainer is told, written by `groundray train`. By hand, with this Python's\n"
        "# environment active (the trainer calls a bare `python`):\n"
        f"#   {by_hand(training.job)}\n"
        f"# Recipe: {training.recipe.name} ({training.recipe.source})\n\n"
        f"{training.settings.yaml}"
    )


def parse_setting(text: str) -> tuple[str, Any]:
    """A `key=value`, the value read as YAML.

    >>> parse_setting("learning_rate=1e-5"), parse_setting("packing=false")
    (('learning_rate', 1e-05), ('packing', False))

    Raises:
        ModelError: there is no `=`, or the value is no YAML.
    """
    import yaml

    name, mark, value = text.partition("=")
    if not mark or not name.strip():
        raise ModelError(f"--set {text!r}: give it as key=value")
    try:
        parsed = typed(yaml.safe_load(value))
    except yaml.YAMLError as error:
        raise ModelError(f"--set {text!r}: the value is no YAML") from error
    name = name.strip()
    if parsed is None:
        parsed = ""  # `key=` empties it: that is how save_checkpoint_format is turned off
    if name.endswith("_strategy") and parsed is False:
        parsed = "no"  # which YAML takes for false
    return name, parsed


def _output_folder(output: str) -> Path:
    if is_url(output):
        raise OutputError(f"OUTPUT {output!r} is a URL; the trainer writes to a file system only")
    folder = Path(output).expanduser().absolute()
    check_trainer_path(folder, what="OUTPUT")
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"OUTPUT {output!r} is a file")
    return folder


def _check_output(output: Path, settings: TrainerSettings, *, resume: bool) -> bool:
    """Whether this training has finished there; what another one wrote is never touched."""
    import yaml

    names = {path.name for path in output.iterdir()} if output.is_dir() else set()
    strangers = sorted(names - _OURS)
    if strangers:
        raise OutputError(
            f"OUTPUT {str(output)!r} holds files that no training wrote "
            f"({', '.join(strangers[:3])}); choose another OUTPUT"
        )
    checkpoints = read_checkpoints(output / CHECKPOINTS)
    configuration = yaml.safe_load(settings.yaml)
    record = check_start(LocalStore(output), checkpoints, configuration, resume=resume)
    return record is not None and record.is_finished


def _gpus_per_node(recipe: Recipe, nodes: int, asked: int | None) -> int:
    if nodes < 1 or (asked is not None and asked < 0):
        raise ModelError("a training takes one node at least")
    if recipe.gpus == 0:
        if asked:
            raise ModelError(f"recipe {recipe.name!r} is for a CPU; give --cpu, or another recipe")
        return 0
    if asked == 0:
        on_cpu = [name for name in recipe_names() if get_recipe(name).gpus == 0]
        raise ModelError(
            f"recipe {recipe.name!r} is for GPUs; with --cpu take one of {', '.join(on_cpu)}"
        )
    return min(recipe.gpus, _MAX_GPUS_PER_NODE) if asked is None else asked


def _checked_model(model: str, recipe: Recipe) -> str:
    """The model as the trainer's nodes find it, and of a kind that the recipe is for."""
    if is_url(model):
        raise ModelError(
            f"model {shown(model)} is at a URL; copy it to a folder that every node sees"
        )
    if is_model_name(model):
        return model
    config = read_config(model)
    if config is None:
        lora = " (it is an adapter: name its base, and --set lora_path=DIR)"
        is_adapter = read_config(model, "lora_config.json") is not None
        raise ModelError(f"model {model!r} has no config.json{lora if is_adapter else ''}")
    kind = str(config.get("model_type"))
    if recipe.model_types and kind not in recipe.model_types:
        raise ModelError(
            f"recipe {recipe.name!r} is for {' or '.join(recipe.model_types)}, and {model!r} is of "
            f"model_type {kind!r}"
        )
    return str(Path(model).expanduser().absolute())


def _checked_settings(settings: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Settings, and warnings where it cannot be known whether the trainer takes them."""
    chosen = {name: typed(value) for name, value in settings.items()}
    if not chosen:
        return {}, []
    known = trainer_keys()
    if known is not None:
        unknown = unknown_settings(chosen, known, installed=True)
        if unknown:
            raise ModelError("--set: " + "; ".join(unknown))
        return chosen, []
    ours = {key for name in recipe_names() for key in get_recipe(name).settings}
    return chosen, unknown_settings(chosen, ours, installed=False)


def _global_batch(settings: TrainerSettings, job: TrainingJob) -> int:
    """Sequences in a step; a model that is spread over GPUs needs a whole number of copies."""
    world = job.nodes * max(job.gpus_per_node, 1)
    tensor = settings.number("tensor_model_parallel_size")
    pipeline = settings.number("pipeline_model_parallel_size")
    copy = tensor * pipeline
    if world > 1 and world % copy:  # a single process ignores both
        raise ModelError(
            f"{world} GPUs ({job.nodes} nodes of {job.gpus_per_node}) do not hold a whole number "
            f"of copies of the model: one takes {copy} (tensor_model_parallel_size {tensor} * "
            f"pipeline_model_parallel_size {pipeline}); change --nodes or --gpus-per-node, or "
            "--set those"
        )
    copies = world // copy if world > 1 else 1
    each = settings.number("per_device_train_batch_size", 8)
    return copies * each * settings.number("gradient_accumulation_steps")


def _warnings_of(data: TrainingData, recipe: Recipe) -> list[str]:
    found = []
    if recipe.formats and data.format_name not in recipe.formats:
        found.append(
            f"recipe {recipe.name!r} is for data of {' or '.join(recipe.formats)}, and DATA is "
            f"{data.format_name!r}"
        )
    if data.examples is None:
        found.append("no finished conversion's manifest beside DATA: its examples are not counted")
    if data.strangers:
        found.append(
            f"{len(data.strangers)} files beside the shards are left out, such as "
            f"{str(data.strangers[0])!r}"
        )
    return found


def _trainer_version() -> str:
    try:
        return importlib.metadata.version("paddleformers")
    except importlib.metadata.PackageNotFoundError:
        return "1.2"
