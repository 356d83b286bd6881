"""What a training reads: the shards of one format of a conversion, split by split."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import orjson

from groundray.engine.run import MANIFEST
from groundray.engine.sources import protocol_of
from groundray.formats.errors import SourceError
from groundray.models.urls import public_name

_SPLIT_BY_TRAINER = (" ", ",", "#")
_SHARDS = "*.jsonl"


@dataclass(frozen=True, slots=True)
class TrainingData:
    """One format's folder of a conversion, on a file system.

    Attributes:
        folder: absolute.
        format_name: the folder's name, which is the format's.
        shards: by split, each in order; train has one at least.
        examples: that the conversion's manifest counts in all splits; None without a manifest.
        strangers: files beside the shards, which no conversion writes.
    """

    folder: Path
    format_name: str
    shards: Mapping[str, tuple[Path, ...]]
    examples: int | None = None
    strangers: tuple[Path, ...] = ()


def find_training_data(place: str) -> TrainingData:
    """Finds the shards of `CONVERTED/FORMAT`.

    Args:
        place: a local folder.

    Raises:
        SourceError: it is a URL, a whole conversion, or no such folder; it has no train shards; or
            the trainer would misread its path.
    """
    if protocol_of(place) is not None:
        raise SourceError(_how_to_copy(place))
    folder = Path(place.removeprefix("file://")).expanduser().absolute()
    _check_path(folder)
    if not folder.is_dir():
        raise SourceError(
            f"DATA {place!r} is no folder; `groundray convert` writes CONVERTED/FORMAT"
        )
    shards = {
        inside.name: found
        for inside in sorted(path for path in folder.iterdir() if path.is_dir())
        if (found := tuple(sorted(inside.glob(_SHARDS))))
    }
    counts = _counts(folder.parent)
    if "train" not in shards:
        raise SourceError(_without_train(folder, shards))
    for shard in (path for paths in shards.values() for path in paths):
        _check_path(shard)
    strangers = tuple(
        path
        for split in shards
        for path in sorted((folder / split).iterdir())
        if path not in shards[split]
    )
    return TrainingData(
        folder,
        folder.name,
        MappingProxyType(shards),
        None if counts is None else counts.get(folder.name),
        strangers,
    )


def check_trainer_path(path: Path, *, what: str) -> None:
    """Refuses a path that the trainer would split.

    Raises:
        SourceError: it holds a space, a comma or a `#`.
    """
    found = [mark for mark in _SPLIT_BY_TRAINER if mark in str(path)]
    if found:
        raise SourceError(
            f"{what} {str(path)!r} holds {found[0]!r}, at which the trainer would split it; "
            "move or link it to a path without spaces, commas and '#'"
        )


def _check_path(path: Path) -> None:
    check_trainer_path(path, what="DATA")


def _counts(converted: Path) -> dict[str, int] | None:
    """Examples of each format, of a conversion's manifest; None where there is none to read."""
    try:
        manifest = orjson.loads((converted / MANIFEST).read_bytes())
        return {name: int(each["examples"]) for name, each in manifest["formats"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _without_train(folder: Path, shards: Mapping[str, object]) -> str:
    own = _counts(folder)
    if own is not None:
        formats = " or ".join(str(folder / name) for name in own)
        return f"DATA {str(folder)!r} is a whole conversion; give one of its formats: {formats}"
    found = f"only {', '.join(shards)}" if shards else "none"
    return (
        f"DATA {str(folder)!r} has no shards in a folder 'train' ({found}); "
        "`groundray convert` writes CONVERTED/FORMAT/train/*.jsonl"
    )


def _how_to_copy(place: str) -> str:
    """Images lie beside the format's folder, so the whole conversion has to come."""
    url, _, name = place.rstrip("/").rpartition("/")
    target = public_name(url).rpartition("/")[2] or "converted"
    code = (
        f"from fsspec.core import url_to_fs; fs, at = url_to_fs({url!r}); "
        f"fs.get(at.rstrip('/') + '/', {target + '/'!r}, recursive=True)"
    )
    return (
        f"DATA {public_name(place)} is at a URL, and the trainer reads files. Copy the conversion "
        f"to a folder that every node sees, images and all:\n  python -c {shlex.quote(code)}\n"
        f"then train on {target}/{name}"
    )
