"""The trainer's own checkpoints: `checkpoint-STEP`, which a training goes on from."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_NAME = re.compile(r"checkpoint-(\d+)")
_STATE = ("trainer_state.bin", "trainer_state.json")
_LAST = "scheduler.pdparams"
_SHARD = re.compile(r"(\d+)_\d+\.distcp")


class Checkpoint(NamedTuple):
    """A checkpoint that the trainer wrote.

    Attributes:
        step: optimizer steps that it holds.
        path: its folder.
        is_complete: whether a training can go on from it.
    """

    step: int
    path: Path
    is_complete: bool


def read_checkpoints(folder: Path) -> list[Checkpoint]:
    """Checkpoints in the trainer's output_dir, in the order of their steps.

    Complete is one whose last file is there: the first process writes the state of the learning
    rate's schedule after everything else, and each process that keeps a part of the optimizer
    leaves a signal behind it.

    Source: PaddleFormers 1.2.0, `Trainer._save_checkpoint` and `_save_flex_optimizer_state`.
    """
    if not folder.is_dir():
        return []
    found = [
        Checkpoint(int(name[1]), path, _is_complete(path))
        for path in folder.iterdir()
        if (name := _NAME.fullmatch(path.name)) and path.is_dir()
    ]
    return sorted(found)


def newest_complete(checkpoints: Sequence[Checkpoint]) -> Checkpoint | None:
    """The one that a training goes on from, of some in the order of their steps."""
    return next((each for each in reversed(checkpoints) if each.is_complete), None)


def set_aside(checkpoint: Checkpoint, folder: Path) -> Path:
    """Moves a checkpoint out of the trainer's sight, which would go on from it; returns where."""
    folder.mkdir(parents=True, exist_ok=True)
    number = sum(path.name.startswith(checkpoint.path.name) for path in folder.iterdir())
    return checkpoint.path.rename(folder / f"{checkpoint.path.name}.{number}")


def _is_complete(path: Path) -> bool:
    if not any((path / name).is_file() for name in _STATE):
        return False
    last = path / _LAST
    if not last.is_file() or last.stat().st_size == 0:
        return False
    shards = (_SHARD.fullmatch(file.name) for file in path.glob("optimizer_state/*"))
    return all((path / f"saved_signal_{shard[1]}").is_file() for shard in shards if shard)
