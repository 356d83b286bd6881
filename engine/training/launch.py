"""Runs a prepared training: the trainer's own command on every node, together, on Ray.

A placement group holds a bundle a node. An actor in each runs `paddleformers-cli train`, and those
find each other at node 0. The driver reads their logs and writes the numbers; when a process fails,
or the driver goes away, all end.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml

from groundray.engine.lock import locked
from groundray.engine.runners import Runner, connected
from groundray.engine.storage import PRIVATE, LocalStore
from groundray.engine.training.checkpoints import (
    Checkpoint,
    newest_complete,
    read_checkpoints,
    set_aside,
)
from groundray.engine.training.command import resume_settings
from groundray.engine.training.follow import Follower
from groundray.engine.training.job import TrainingJob
from groundray.engine.training.log import Row, TrainingLog, TrainingProgress
from groundray.engine.training.node import Line
from groundray.engine.training.nodes import reserved
from groundray.engine.training.record import (
    Attempt,
    TrainingRecord,
    check_start,
    now,
    write_record,
)
from groundray.formats.errors import TrainingError

METRICS = "metrics.jsonl"
NODES_WAIT_S = 30.0

_OF_DRIVER = ("OMP_NUM_THREADS",)


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a training left.

    Attributes:
        model: folder that the trainer wrote.
        steps: optimizer steps, over all starts.
        loss: of the last row of metrics.jsonl; None without any.
        from_step: of the checkpoint that this start went on from; 0 from the beginning.
        is_new: False where the training had finished before, and nothing was done.
    """

    model: Path
    steps: int
    loss: float | None
    from_step: int
    is_new: bool


def launch(  # noqa: PLR0913  what a start needs, and who is told
    job: TrainingJob,
    *,
    address: str | None = None,
    resume: bool = False,
    prepare: Callable[[], None] = lambda: None,
    on_reserved: Callable[[], None] = lambda: None,
    on_line: Callable[[Line], None] | None = None,
    on_progress: Callable[[TrainingProgress], None] | None = None,
    wait_s: float = NODES_WAIT_S,
) -> TrainingResult:
    """Trains, and comes back when it is done; a training that has finished is left as it is.

    In OUTPUT, `logs/rank-N.log` is what a trainer process said, `logs/node-N.log` what starts them;
    the numbers of rank 0 stand in `metrics.jsonl`.

    Args:
        job: what to run, and where.
        address: of a running Ray cluster; None starts one on this machine.
        resume: whether to go on from the newest whole checkpoint of the trainer's output_dir, or
            from the beginning where there is none; a configuration that names one means the same.
        prepare: writes `job.config`, once OUTPUT is locked.
        on_reserved: called once the nodes are reserved, before the first process starts.
        on_line: gets every line of every process as it comes.
        on_progress: is told how far the training is, whenever that changes.
        wait_s: for nodes that are busy or still to come, at most.

    Raises:
        OutputError: OUTPUT is in use; holds a training of another configuration, or one that was
            cut short and is not to be resumed.
        TrainingError: the nodes are not there, or a process failed: the message shows the last
            lines of the one that failed first.
    """
    store = LocalStore(Path(job.output))
    with locked(store):
        prepare()
        configuration = _read_configuration(job)
        model = Path(job.output, configuration["output_dir"])
        checkpoints = read_checkpoints(model)
        record = check_start(store, checkpoints, configuration, resume=resume)
        if record is not None and record.is_finished:
            return _result(store, model, from_step=record.attempts[-1].from_step, is_new=False)
        checkpoint = _find_checkpoint(store, checkpoints)
        from_step = 0 if checkpoint is None else int(checkpoint.name.rpartition("-")[2])
        if record is None or record.difference(configuration):
            record = TrainingRecord(configuration)
        metrics = _Metrics(store.root / METRICS, from_step)
        record.attempts.append(Attempt(now(), job.nodes, job.gpus_per_node, from_step))
        write_record(store, record)
        outcome = "interrupted"
        try:
            log = _Reader(metrics, on_line, on_progress)
            settings = resume_settings(checkpoint)
            with connected(Runner(address=address)):
                _run(job, settings, on_reserved, log.read, wait_s=wait_s)
            outcome = "finished"
        except TrainingError as error:
            outcome = str(error).partition("\n")[0]  # its last lines stand in the logs
            raise
        finally:
            record.attempts[-1].ended, record.attempts[-1].outcome = now(), outcome
            write_record(store, record)
        return _result(store, model, from_step=from_step, is_new=True)


def _run(
    job: TrainingJob,
    settings: list[str],
    on_reserved: Callable[[], None],
    on_line: Callable[[Line], None],
    *,
    wait_s: float,
) -> None:
    import ray

    environment = {name: os.environ[name] for name in _OF_DRIVER if name in os.environ}
    with reserved(job, wait_s=wait_s) as nodes:
        on_reserved()
        first = nodes[0].address
        starts = [
            node.actor.start.remote(node.address, first, settings, environment) for node in nodes
        ]
        ray.get(starts)
        Follower(job, nodes, on_line).follow()


def _read_configuration(job: TrainingJob) -> dict[str, Any]:
    try:
        configuration = yaml.safe_load(Path(job.config).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise TrainingError(
            f"cannot read the trainer's configuration {job.config}: {error}"
        ) from error
    if not isinstance(configuration, dict) or not configuration.get("output_dir"):
        raise TrainingError(f"{job.config} sets no output_dir, so there is nowhere to train to")
    return configuration


def _find_checkpoint(store: LocalStore, checkpoints: Sequence[Checkpoint]) -> Path | None:
    """The checkpoint to go on from; those that were cut short are moved out of the way."""
    for checkpoint in checkpoints:
        if not checkpoint.is_complete:
            set_aside(checkpoint, store.root / PRIVATE / "incomplete")
    newest = newest_complete(checkpoints)
    return None if newest is None else newest.path


def _result(store: LocalStore, model: Path, *, from_step: int, is_new: bool) -> TrainingResult:
    rows = [orjson.loads(line) for line in (store.read(METRICS) or b"").splitlines()]
    trained = [row for row in rows if "loss" in row]
    steps, loss = (trained[-1]["step"], trained[-1]["loss"]) if trained else (0, None)
    return TrainingResult(model, steps, loss, from_step, is_new)


class _Metrics:
    """metrics.jsonl: a row of numbers a line, as they come."""

    def __init__(self, path: Path, from_step: int) -> None:
        self._path = path
        kept = []
        if from_step and path.exists():  # steps after the checkpoint are done again
            lines = path.read_bytes().splitlines(keepends=True)
            kept = [line for line in lines if orjson.loads(line)["step"] <= from_step]
        path.write_bytes(b"".join(kept))

    def add(self, row: Row) -> None:
        with self._path.open("ab") as file:
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


class _Reader:
    """Hands on what comes from the nodes."""

    def __init__(
        self,
        metrics: _Metrics,
        on_line: Callable[[Line], None] | None,
        on_progress: Callable[[TrainingProgress], None] | None,
    ) -> None:
        self._metrics, self._on_line, self._on_progress = metrics, on_line, on_progress
        self._log = TrainingLog()

    def read(self, line: Line) -> None:
        if self._on_line is not None:
            self._on_line(line)
        if line.rank != 0:
            return
        before = self._log.progress
        row = self._log.read(line.text)
        if row is not None:
            self._metrics.add(row)
        if self._on_progress is not None and self._log.progress != before:
            self._on_progress(self._log.progress)
