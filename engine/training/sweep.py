"""A sweep: every model that a training saves is asked and scored as it appears, in one report."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from threading import Event
from time import sleep

from groundray.engine.converted import open_converted
from groundray.engine.evaluation.evaluate import evaluate
from groundray.engine.lock import is_locked
from groundray.engine.prediction.actors import Actors
from groundray.engine.prediction.predict import predict
from groundray.engine.run import MANIFEST
from groundray.engine.runners import Runner, connected
from groundray.engine.scoring.bootstrap import Interval
from groundray.engine.scoring.scores import RunScores, Scores
from groundray.engine.storage import LocalStore
from groundray.engine.training.launch import TrainingResult
from groundray.engine.training.record import read_record
from groundray.engine.training.saved_models import SavedModel, find_saved_models
from groundray.engine.training.train import Training
from groundray.formats.errors import GroundrayError, ModelError

PREDICTIONS = "predictions"
"""Folder of OUTPUT for the predictions of every model."""

POLL_S = 5.0


@dataclass(frozen=True, slots=True)
class Best:
    """The model with the highest figure.

    Attributes:
        name: of the model: `step-40`, or `end`.
        checkpoint: its folder.
        metric: name of the figure: f1_50 for detection, acc_50 for grounding.
        value: of the figure.
        interval: of 95 %; None without a bootstrap.
    """

    name: str
    checkpoint: Path
    metric: str
    value: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep found.

    Attributes:
        models: in the order of their steps.
        newest: names of those that came last.
        scores: of all, as they stand in `OUTPUT/scores.json`.
        best: of them; None where none finds anything.
    """

    models: tuple[SavedModel, ...]
    newest: tuple[str, ...]
    scores: Scores
    best: Best | None


def sweep(  # noqa: PLR0913  the options of a command
    run: str,
    data: str | Sequence[str],
    output: str,
    *,
    format: str,  # noqa: A002  the option's name
    backend: str | None = None,
    split: str = "val",
    limit: int | None = None,
    actors: Actors = Actors(),  # noqa: B008  frozen
    batch_size: int | None = None,
    max_new_tokens: int = 1024,
    replicates: int = 1000,
    plugins: Sequence[str] = (),
    runner: Runner = Runner(),  # noqa: B008  frozen
    is_running: Callable[[], bool] | None = None,
    on_model: Callable[[Sweep], None] = lambda found: None,
) -> Sweep:
    """Asks and scores every model of a training, until the training has ended.

    Started again, it goes on from where it stopped: nothing is asked twice.

    Args:
        run: OUTPUT of `train`, or any folder that PaddleFormers trains to.
        data: as `predict` takes it.
        output: folder for `predictions/`, `scores.json`, `per_class.csv` and `report.html`.
        format: name of the format that prompts and reads the answers.
        backend: what answers; see `predict`, as for the next five.
        split: of the data.
        limit: records to draw from it.
        actors: the pool.
        batch_size: records that are answered together.
        max_new_tokens: limit of an answer.
        replicates: of the bootstrap.
        plugins: Python files that define formats or backends.
        runner: where it runs.
        is_running: whether more models may come; None looks at the run.
        on_model: is told after every model what is known by then.

    Raises:
        ModelError: the run has ended without a model that can be loaded.
    """
    folder = Path(run)
    running = is_running or (lambda: _is_training(folder))
    seen = _asked_before(folder, output)
    found: Sweep | None = None
    ask = partial(
        predict,
        data,
        f"{output}/{PREDICTIONS}",
        format=format,
        backend=backend,
        split=split,
        limit=limit,
        actors=actors,
        batch_size=batch_size,
        max_new_tokens=max_new_tokens,
        plugins=plugins,
        runner=runner,
    )
    while True:
        goes_on = running()  # before the look: what is saved last must not be missed
        new = [model for model in find_saved_models(_model_folder(folder)) if model not in seen]
        asked = [model for model in new[:1] if _ask(model, ask)]
        if asked or (seen and found is None):  # the report grows by one at a time
            seen = _in_order([*seen, *asked])
            newest = tuple(model.name for model in asked or seen)
            found = _score(seen, newest, output, replicates, plugins, runner)
            on_model(found)
        elif not new and not goes_on:
            break
        elif not new:
            sleep(POLL_S)
    if found is None:
        raise ModelError(
            f"{run} has no model that can be loaded: checkpoint-STEP folders are what a training "
            "goes on from; `--set save_hf_steps=N` has hf_checkpoint-STEP written beside them"
        )
    return found


def train_and_sweep(  # noqa: PLR0913  what both need
    training: Training,
    output: str,
    *,
    train: Callable[[Callable[[], None]], TrainingResult],
    runner: Runner,
    on_model: Callable[[Sweep], None],
    backend: str | None = None,
    max_new_tokens: int = 1024,
    replicates: int = 1000,
    plugins: Sequence[str] = (),
) -> tuple[TrainingResult, Sweep]:
    """Trains, and sweeps beside it; comes back when both have ended.

    Asked is val of the converted folder, or train where there is no val. The sweep begins when the
    training has its nodes: models that are there before, as with a resumed one, would else be
    asked on the GPUs that it waits for.

    Args:
        training: as planned.
        output: of the sweep.
        train: runs the training; calls what it is given once its nodes are reserved.
        runner: where the models are asked; it shares its cluster with the training.
        on_model: see `sweep`.
        backend: see `sweep`.
        max_new_tokens: see `sweep`.
        replicates: see `sweep`.
        plugins: see `sweep`.

    Raises:
        GroundrayError: what the training raised; else what the sweep did, once the training ended.
    """
    data = training.data.folder.parent
    split = "val" if "val" in open_converted(str(data)).splits else "train"
    ended = Event()
    sweeping: list[Future[Sweep]] = []
    with (
        connected(runner) if runner.kind == "ray" else nullcontext(),
        ThreadPoolExecutor(1, "groundray-sweep") as thread,
    ):

        def begin() -> None:
            sweeping.append(
                thread.submit(
                    sweep,
                    training.job.output,
                    str(data),
                    output,
                    format=training.data.format_name,
                    backend=backend,
                    split=split,
                    max_new_tokens=max_new_tokens,
                    replicates=replicates,
                    plugins=plugins,
                    runner=runner,
                    is_running=lambda: not ended.is_set(),
                    on_model=on_model,
                )
            )

        try:
            result = train(begin)
        finally:
            ended.set()
        if not sweeping:  # a training that had finished before reserves nothing
            begin()
        return result, sweeping[0].result()


def _ask(model: SavedModel, ask: Callable[..., object]) -> bool:
    """Asks a model; False where the trainer, which keeps only the newest, removed it meanwhile."""
    try:
        ask(checkpoints=[str(model.path)], names=[model.name])
    except GroundrayError:
        if model.path.exists():
            raise
        return False
    return True


def _score(
    models: Sequence[SavedModel],
    newest: tuple[str, ...],
    output: str,
    replicates: int,
    plugins: Sequence[str],
    runner: Runner,
) -> Sweep:
    scores = evaluate(
        [f"{output}/{PREDICTIONS}/{model.name}" for model in models],
        output,
        names=[model.name for model in models],
        replicates=replicates,
        plugins=plugins,
        runner=runner,
        overwrite=True,
    )
    return Sweep(tuple(models), newest, scores, _best(models, scores))


def _asked_before(run: Path, output: str) -> list[SavedModel]:
    """Models whose predictions are finished; the trainer may have removed them since."""
    folder = _model_folder(run)
    steps = [
        SavedModel(
            int(place.name.removeprefix("step-")), folder / f"hf_checkpoint-{place.name[5:]}"
        )
        for place in Path(output, PREDICTIONS).glob("step-*")
        if (place / MANIFEST).is_file()
    ]
    return _in_order(steps)


def _in_order(models: Sequence[SavedModel]) -> list[SavedModel]:
    return sorted(models, key=lambda model: inf if model.step is None else model.step)


def _best(models: Sequence[SavedModel], scores: Scores) -> Best | None:
    """Of equals the first: it took the least training."""
    best: Best | None = None
    for model, run in zip(models, scores.runs, strict=True):
        metric, value, interval = headline(run)
        if value and (best is None or value > best.value):
            best = Best(model.name, model.path, metric, value, interval)
    return best


def headline(run: RunScores) -> tuple[str, float | None, Interval | None]:
    """The figure that runs are compared by: its name, value and interval."""
    if run.grounding is not None:
        return "acc_50", run.grounding.acc_50, run.intervals.get("grounding.acc_50")
    return "f1_50", run.operating_point.f1_50, run.intervals.get("operating_point.f1_50")


def _model_folder(run: Path) -> Path:
    """Where a run's trainer writes to: our OUTPUT holds it, any other folder is it."""
    record = read_record(LocalStore(run)) if run.is_dir() else None
    return run if record is None else run / record.configuration["output_dir"]


def _is_training(run: Path) -> bool:
    return is_locked(LocalStore(run))
