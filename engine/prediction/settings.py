"""Backend settings: who answers, how, and under which name, settled before anything is read."""

from collections.abc import Sequence
from typing import Literal

from groundray.engine.shards import file_stem
from groundray.formats.errors import ModelError
from groundray.models import Backend, Settings, get_backend
from groundray.models.base import TRAINER_MAX_PIXELS
from groundray.models.urls import public_name

MaxPixels = Literal["train", "model"] | int
"""Area that a model sees an image in: as PaddleFormers trains, as the model has it, or pixels."""


def choose_backend(
    name: str | None, checkpoints: Sequence[str], server: str | None
) -> type[Backend]:
    """The class of a backend by name; without one, what the checkpoints and the server tell.

    Raises:
        ModelError: there is no such backend, or no checkpoint.
    """
    if not checkpoints:
        raise ModelError("no checkpoint was given")
    if name is None:
        is_replay = public_name(checkpoints[0]).endswith(".jsonl")
        name = "server" if server else "replay" if is_replay else "paddleformers"
    return get_backend(name)


def area_of(max_pixels: MaxPixels | None, kind: type[Backend]) -> int | None:
    """`Settings.max_pixels`; where nothing is said, as trained for models in process.

    Raises:
        ModelError: it is less than a pixel.
    """
    if max_pixels is None:
        max_pixels = "train" if kind.image_input == "pixels" else "model"
    if max_pixels == "train":
        return TRAINER_MAX_PIXELS
    if max_pixels == "model":
        return None
    if max_pixels < 1:
        raise ModelError(f"--max-pixels {max_pixels}: at least 1, or train, or model")
    return max_pixels


def check_settings(
    kind: type[Backend], settings: Sequence[Settings], batch_size: int | None
) -> None:
    """Refuses what cannot work.

    Raises:
        ModelError: what is wrong, and what would be right.
    """
    if batch_size is not None and batch_size < 1:
        raise ModelError(f"--batch-size {batch_size}: at least 1, or auto")
    if settings[0].max_new_tokens < 1:
        raise ModelError(f"--max-new-tokens {settings[0].max_new_tokens}: at least 1")
    if batch_size and kind.max_batch_size and batch_size > kind.max_batch_size:
        raise ModelError(
            f"--batch-size {batch_size}: backend {kind.name!r} takes {kind.max_batch_size} at most"
        )
    if settings[0].logprobs and not kind.has_logprobs:
        raise ModelError(f"--logprobs: backend {kind.name!r} has no probabilities to give")
    for each in settings:
        kind.check(each)


def checkpoint_names(checkpoints: Sequence[str]) -> list[str]:
    """A folder's name for each checkpoint: the last parts of its path, as many as tell them apart.

    >>> checkpoint_names(["run-a/hf_checkpoint-20", "run-b/hf_checkpoint-20"])
    ['run-a-hf_checkpoint-20', 'run-b-hf_checkpoint-20']

    Raises:
        ModelError: one is given twice.
    """
    paths = [
        public_name(checkpoint).rstrip("/").removesuffix(".jsonl").split("/")
        for checkpoint in checkpoints
    ]
    plain = ["/".join(path).lower().split("/") for path in paths]  # some disks know no case
    if len(set(map(tuple, plain))) < len(plain):
        raise ModelError("a checkpoint was given twice, or two differ only in case")
    depth = 1
    while len({tuple(path[-depth:]) for path in plain}) < len(plain):
        depth += 1
    return [file_stem("-".join(filter(None, path[-depth:]))) for path in paths]
