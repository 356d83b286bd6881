"""Prediction: checkpoints answer about every record of a split, and truth stands beside."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Literal

import orjson

from groundray.engine.conversion.convert import convert
from groundray.engine.conversion.examples import check_prompt
from groundray.engine.converted import Converted, is_converted, open_converted, share_with
from groundray.engine.plan import Plan, make_plan
from groundray.engine.plugins import load_plugins, read_formats
from groundray.engine.prediction.actors import Actors, predict_locally, predict_on_ray
from groundray.engine.prediction.identity import identity
from groundray.engine.prediction.journal import JOURNAL
from groundray.engine.prediction.manifest import PredictionManifest, make_prediction_manifest
from groundray.engine.prediction.predictor import PredictJob
from groundray.engine.prediction.settings import (
    MaxPixels,
    area_of,
    check_settings,
    checkpoint_names,
    choose_backend,
)
from groundray.engine.run import Run, open_run
from groundray.engine.runners import Choice, Runner, choose_runner, connected, planning
from groundray.engine.selection import Sampling
from groundray.engine.shards import Tally, is_folder_name
from groundray.engine.sources import join
from groundray.engine.storage import open_store, write_errors
from groundray.formats import Task
from groundray.formats.errors import ModelError, SourceError
from groundray.models import Backend, Settings
from groundray.models.urls import public_name

DATA = "data"
"""Folder of OUTPUT for the truth and images of an INPUT that was not converted yet."""

WRITER_VERSION = 2
"""Raised when the same options come to mean other bytes, so that no run mixes the two."""

ROWS_PER_SHARD = 128
"""What a process answers at a time: small, so that a pool ends together."""

_REPLAY_S = 100e-6  # measured: to parse and write an answer that is there


@dataclass(frozen=True, slots=True)
class PredictionProgress:
    """How far the predictions of one checkpoint are.

    Attributes:
        checkpoint: its name.
        runner: what it runs on, and why.
        units_before: done by earlier starts of the run.
        units_done: by then, those included.
        units: of the whole plan.
        asked: records answered by this start.
        busy_s, waited_s: time that backends worked, and that they waited for images.
        tally: of the units that are done.
    """

    checkpoint: str
    runner: Choice
    units_before: int
    units_done: int
    units: int
    asked: int
    busy_s: float
    waited_s: float
    tally: Tally


def predict(  # noqa: PLR0913  the options of a command
    inputs: str | Sequence[str],
    output: str,
    *,
    checkpoints: Sequence[str],
    names: Sequence[str] = (),
    format: str,  # noqa: A002  the option's name
    backend: str | None = None,
    server: str | None = None,
    split: str = "val",
    limit: int | None = None,
    actors: Actors = Actors(),  # noqa: B008  frozen
    batch_size: int | None = None,
    max_new_tokens: int = 1024,
    max_pixels: MaxPixels | None = None,
    logprobs: bool = False,
    prompt: str | None = None,
    system: str | None = None,
    prompt_classes: Literal["all", "present"] | None = None,
    rows_per_shard: int = ROWS_PER_SHARD,
    layout: str | None = None,
    task: Task | None = None,
    image_root: str | None = None,
    classes: Sequence[str] | None = None,
    plugins: Sequence[str] = (),
    runner: Runner = Runner(),  # noqa: B008  frozen
    overwrite: bool = False,
    on_plan: Callable[[Plan], None] = lambda plan: None,
    on_progress: Callable[[PredictionProgress], None] = lambda progress: None,
) -> list[PredictionManifest]:
    """Asks checkpoints about every record of a split.

    The same call gives the same bytes whatever the number of actors, as far as the backend's own
    answers do not depend on the batch (in float32 they do not). A run that was killed is taken up
    where it stopped, and asks nothing twice that was answered; a finished one is left as it is.

    Args:
        inputs: a folder that `convert` wrote, or files, folders, globs or URLs that it reads.
        output: folder or fsspec URL; each checkpoint gets a folder of its own in it.
        checkpoints: folders, URLs or model names; files of answers for a replay.
        names: of their folders in output; empty takes the last parts of their paths.
        format: name of the format that prompts and reads the answers, or a TOML file.
        backend: name; None takes `server` where one is given, `replay` for a jsonl file, and else
            `paddleformers`.
        server: URL of the endpoint that serves the checkpoints.
        split: of the data.
        limit: records to draw from it, the same ones for every checkpoint; None for all.
        actors: the pool.
        batch_size: records that are answered together; None for what the backend proposes.
        max_new_tokens: limit of an answer.
        max_pixels: area that the model sees an image in: "train" as PaddleFormers trains, "model"
            as the model's own processor has it, or a number; None is "train" for models in
            process, and "model" elsewhere.
        logprobs: whether boxes get scores from the probabilities of their tokens.
        prompt: user text, as in `convert`; None takes what the data was converted with.
        system: system text, likewise.
        prompt_classes: what `{classes}` names, likewise.
        rows_per_shard: records that a shard aims at.
        layout: as in `convert`, for an INPUT that was not converted, like the next three.
        task: detection or grounding.
        image_root: where image files are looked for.
        classes: class names by id.
        plugins: Python files that define formats or backends.
        runner: where units run.
        overwrite: whether other or finished predictions of the same name are removed first.
        on_plan: is told each checkpoint's plan.
        on_progress: is told about every finished unit.

    Returns:
        The manifests, as they stand in `output/CHECKPOINT/manifest.json`.

    Raises:
        SourceError: nothing can be read, or what it means cannot be settled.
        FormatError: the format is unknown or cannot do the task.
        ModelError: a checkpoint or server cannot be used.
        OutputError: output is in use, or holds something else.
    """
    if limit is not None and limit < 1:
        raise SourceError(f"--limit {limit}: at least 1, or leave it out for all")
    if rows_per_shard < 1:
        raise SourceError(f"--rows-per-shard {rows_per_shard}: at least 1")
    (format,), read = read_formats([format], plugins)  # noqa: A001  the option's name
    load_plugins(read)
    kind = choose_backend(backend, checkpoints, server)
    settings = [
        Settings(
            checkpoint=checkpoint,
            server=server,
            max_new_tokens=max_new_tokens,
            max_pixels=area_of(max_pixels, kind),
            logprobs=logprobs,
        )
        for checkpoint in checkpoints
    ]
    check_settings(kind, settings, batch_size)
    converted = _open(
        inputs,
        output,
        split,
        runner=runner,
        samples=limit,
        layout=layout,
        task=task,
        image_root=image_root,
        classes=classes,
        overwrite=overwrite,
    )
    asked = Sampling(samples=limit, keep_empty=True)
    with planning(runner, converted.source.num_rows) as workers:
        plan = make_plan(
            converted.source,
            asked,
            rows_per_shard=rows_per_shard,
            rows_per_read=rows_per_shard,
            workers=workers,
        )
    if not plan.units:
        raise SourceError(f"no record of {split} is left to ask about")
    general = PredictJob(
        output=output,
        token="",
        source=converted.source,
        selection=plan.selection,
        num_shards=dict(plan.num_shards),
        sharing=share_with(converted.root, join(output, "checkpoint/split")),
        format=format,
        plugins=read,
        classes=plan.classes,
        prompt=converted.option("prompt") if prompt is None else prompt,
        system=converted.option("system") if system is None else system,
        present_only=(prompt_classes or converted.option("prompt_classes")) == "present",
        backend=kind.name,
        settings=settings[0],
        batch_size=batch_size or kind.batch_size,
        checkpoint="",
    )
    if odd := [name for name in names if not is_folder_name(name)]:
        raise ModelError(f"{odd[0][:100]!r} is no name for a folder of OUTPUT")
    jobs = _jobs(general, settings, list(names) or checkpoint_names(checkpoints))
    for job in jobs:
        check_prompt(job.style)
    on_plan(plan)
    choice = _choose(runner, kind, plan)
    with connected(runner) if choice.kind == "ray" else nullcontext():
        return [
            _predict(
                _Task(job, converted, plan, choice, runner, actors, on_progress),
                _configuration(job, converted, asked, rows_per_shard),
                overwrite=overwrite,
            )
            for job in jobs
        ]


def _open(
    inputs: str | Sequence[str],
    output: str,
    split: str,
    *,
    runner: Runner,
    samples: int | None,
    overwrite: bool,
    **source: Any,
) -> Converted:
    """The split of a converted folder; of any other INPUT, what convert makes of it in OUTPUT."""
    places = [inputs] if isinstance(inputs, str) else list(inputs)
    root = places[0]
    if len(places) > 1 or not is_converted(root):
        root = join(output, DATA)
        convert(
            places,
            root,
            formats=(),
            splits=(split,),
            samples=samples,
            keep_empty=True,
            bad_images="keep",
            max_reject_ratio=1.0,
            runner=runner,
            overwrite=overwrite,
            **source,
        )
    converted = open_converted(root)
    if split not in converted.splits:
        raise SourceError(
            f"{public_name(places[0])} has no split {split!r}; it has "
            f"{', '.join(converted.splits)}: give one with --split"
        )
    files = tuple(file for file in converted.source.files if file.split == split)
    return replace(converted, source=replace(converted.source, files=files))


def _jobs(
    general: PredictJob, settings: Sequence[Settings], names: Sequence[str]
) -> list[PredictJob]:
    if DATA in names:
        raise ModelError(f"a checkpoint named {DATA!r} would take the place of the data: rename it")
    return [
        replace(general, output=join(general.output, name), settings=each, checkpoint=name)
        for name, each in zip(names, settings, strict=True)
    ]


def _choose(runner: Runner, kind: type[Backend], plan: Plan) -> Choice:
    """Settles "auto": a process of its own for what loads a model, whatever it takes to start."""
    if runner.kind == "auto" and kind.image_input != "none":
        return Choice("ray", "the checkpoint is held by actors")
    records = sum(shard.records for unit in plan.units for shard in unit.shards)
    return choose_runner(runner, len(plan.units), records * _REPLAY_S)


@dataclass(frozen=True, slots=True)
class _Task:
    """The predictions of one checkpoint, and how they are made."""

    job: PredictJob
    converted: Converted
    plan: Plan
    choice: Choice
    runner: Runner
    actors: Actors
    on_progress: Callable[[PredictionProgress], None]


def _predict(task: _Task, configuration: dict[str, Any], *, overwrite: bool) -> PredictionManifest:
    job, plan = task.job, task.plan
    store = open_store(job.output)
    outputs = sorted(plan.num_shards)
    with (
        write_errors(store.shown),
        open_run(
            store,
            configuration,
            outputs=outputs,
            overwrite=overwrite,
            state_of=lambda unit: plan.units[unit].state,
        ) as run,
    ):
        if run.manifest is None or len(run.commits) < len(plan.units):
            _do(task, run)
            manifest = make_prediction_manifest(task.converted, plan, run, job, configuration)
            run.finish(manifest.to_json())
            store.remove(JOURNAL)
        return PredictionManifest.from_json(run.manifest or b"")


def _do(task: _Task, run: Run) -> None:
    """Does the units that are left."""
    pending = [unit for unit in task.plan.units if unit.index not in run.commits]
    source = task.job.source.without_files()  # units name those that they read
    job = replace(task.job, output=run.store.url, token=run.token, source=source)
    before, asked = len(run.commits), 0
    busy_s = waited_s = 0.0

    def tell() -> None:
        task.on_progress(
            PredictionProgress(
                checkpoint=job.checkpoint,
                runner=task.choice,
                units_before=before,
                units_done=len(run.commits),
                units=len(task.plan.units),
                asked=asked,
                busy_s=busy_s,
                waited_s=waited_s,
                tally=run.commits.tally,
            )
        )

    tell()
    if task.choice.kind == "local":
        done = predict_locally(job, pending)
    else:
        done = predict_on_ray(job, pending, task.runner, task.actors)
    for each in done:
        run.commits.add(each.commit)
        asked += each.asked
        busy_s += each.busy_s
        waited_s += each.waited_s
        tell()


def _configuration(
    job: PredictJob, converted: Converted, asked: Sampling, rows_per_shard: int
) -> dict[str, Any]:
    """Everything that the bytes of a run depend on, as JSON-like values without absolute paths."""
    files = [[f.relative, f.split, f.size_bytes, f.footer_sha256] for f in job.source.files]
    checkpoint = job.settings.checkpoint
    return {
        "writer_version": WRITER_VERSION,
        "converted": converted.manifest.fingerprint,
        "files": sha256(orjson.dumps(files)).hexdigest(),
        "images": sha256(job.sharing.to_root.encode()).hexdigest(),
        "limit": asked.samples,
        "seed": asked.seed,
        "rows_per_shard": rows_per_shard,
        "format": job.format,
        "plugins": [plugin.sha256 for plugin in job.plugins],
        "prompt": job.prompt,
        "system": job.system,
        "prompt_classes": "present" if job.present_only else "all",
        "backend": job.backend,
        "batch_size": job.batch_size,
        "checkpoint": job.checkpoint,
        "checkpoint_digest": identity(checkpoint) if job.settings.server is None else None,
        "server": job.settings.server and public_name(job.settings.server),
        "max_new_tokens": job.settings.max_new_tokens,
        "max_pixels": job.settings.max_pixels,
        "logprobs": job.settings.logprobs,
    }
