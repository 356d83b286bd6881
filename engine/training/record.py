"""What OUTPUT knows of its training: the configuration, each start, and how it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any

import orjson

from groundray.engine.storage import PRIVATE, Store
from groundray.engine.training.checkpoints import Checkpoint
from groundray.formats.errors import OutputError

RECORD = f"{PRIVATE}/training.json"
RESUME = "resume_from_checkpoint"
"""The trainer's setting, which each start decides anew."""


@dataclass(slots=True)
class Attempt:
    """One start of a training.

    Attributes:
        started: time of day, UTC.
        nodes: that took part.
        gpus_per_node: of each; 0 on a CPU.
        from_step: of the checkpoint that it went on from; 0 from the beginning.
        ended: time of day; None while it runs, or where it was killed.
        outcome: "finished", or what went wrong.
    """

    started: str
    nodes: int
    gpus_per_node: int
    from_step: int = 0
    ended: str | None = None
    outcome: str | None = None


@dataclass(slots=True)
class TrainingRecord:
    """The record of OUTPUT.

    Attributes:
        configuration: of the trainer, as it was written.
        attempts: in order.
    """

    configuration: dict[str, Any]
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def is_finished(self) -> bool:
        """Whether the training has come to its end."""
        return bool(self.attempts) and self.attempts[-1].outcome == "finished"

    def difference(self, configuration: Mapping[str, Any]) -> str:
        """What another configuration has otherwise, in words; empty where nothing is."""
        old, new = self.configuration, dict(configuration)
        names = sorted({*old, *new} - {RESUME})
        names = [name for name in names if old.get(name) != new.get(name)]
        shown = [f"{name}: {old.get(name)!r} there, {new.get(name)!r} now" for name in names[:3]]
        return "; ".join([*shown, *(["..."] if len(names) > 3 else [])])


def read_record(store: Store) -> TrainingRecord | None:
    """The record of OUTPUT, or None where nothing was trained yet.

    Raises:
        OutputError: it is not one.
    """
    found = store.read(RECORD)
    if found is None:
        return None
    try:
        content = orjson.loads(found)
        attempts = [Attempt(**attempt) for attempt in content["attempts"]]
        return TrainingRecord(dict(content["configuration"]), attempts)
    except (ValueError, TypeError, KeyError) as error:
        raise OutputError(f"{store.shown}/{RECORD} is not the record of a training") from error


def check_start(
    store: Store,
    checkpoints: Sequence[Checkpoint],
    configuration: Mapping[str, Any],
    *,
    resume: bool,
) -> TrainingRecord | None:
    """The record of OUTPUT, where this training may begin there, go on, or has finished.

    Args:
        store: OUTPUT.
        checkpoints: that stand there, whole or not.
        configuration: of the training; one that names a checkpoint is to be resumed.
        resume: whether it is to go on from a checkpoint.

    Raises:
        OutputError: OUTPUT holds another training, or this one, cut short and not to be resumed.
    """
    record = read_record(store)
    is_finished = record is not None and record.is_finished
    difference = "" if record is None else record.difference(configuration)
    if difference and (is_finished or checkpoints):
        raise OutputError(
            f"{store.shown} holds another training ({difference}); choose another OUTPUT"
        )
    if checkpoints and not (is_finished or resume or RESUME in configuration):
        raise OutputError(
            f"{store.shown} holds a training that was cut short (step {checkpoints[-1].step}); "
            "--resume goes on from there, or choose another OUTPUT"
        )
    return record


def write_record(store: Store, record: TrainingRecord) -> None:
    """Writes the record of OUTPUT."""
    store.write(RECORD, orjson.dumps(asdict(record), option=orjson.OPT_INDENT_2))


def now() -> str:
    """Time of day, UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
