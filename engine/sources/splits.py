"""Splits: which part of a data set a file belongs to, by its name or its folder."""

import re
from collections.abc import Sequence

_SHARD = re.compile(r"^(?P<name>.*?)[-_.]?\d+(?:-of-\d+)?(?:-[0-9a-f]{8,})?$")
_KNOWN = (("train", "train"), ("val", "val"), ("test", "test"))
_REFERRING_TEST = re.compile(r"^test[-_]?([A-Z])$")
_NAMELESS = frozenset({"", "data", "default", "parquet", "part", "shard", "file", "chunk"})
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def find_splits(relatives: Sequence[str], folder: str) -> list[str]:
    """The split of each file of one INPUT.

    A file's name before its number says it (`train-00000-of-00002`), else the folder that it is in.
    `train*` is train, `val*` is val and `test*` is test, but for testA and testB; any other name of
    numbered files is a split of its own. A file name without a number that is none of these
    (`raccoon.parquet`) is a split of its own only beside files whose split is said; else it is
    train, as is a file without any name.

    Args:
        relatives: "/"-separated paths below the INPUT's folder.
        folder: name of that folder itself, which counts where it is one of the known splits.
    """
    said = [_said_split(relative, folder) for relative in relatives]
    is_split_said = any(said)
    return [
        split or (_own_name(relative) if is_split_said else "train")
        for split, relative in zip(said, relatives, strict=True)
    ]


def _said_split(relative: str, folder: str) -> str | None:
    """The split that a path says, or None."""
    *folders, file_name = relative.split("/")
    stem = file_name.rsplit(".", 1)[0]
    shard = _SHARD.match(stem)
    name = shard["name"] if shard else stem
    if known := _known_split(name):
        return known
    if shard and name.lower() not in _NAMELESS:
        return _safe(name)
    if name.lower() not in _NAMELESS:
        return next(filter(None, map(_known_split, reversed([folder, *folders]))), None)
    return _folder_split(folders, folder)


def _folder_split(folders: Sequence[str], folder: str) -> str | None:
    for name in reversed(folders):
        if name.lower() not in _NAMELESS:
            return _known_split(name) or _safe(name)
    return _known_split(folder)


def _known_split(name: str) -> str | None:
    name = name.removeprefix("partial-")
    if referring := _REFERRING_TEST.match(name):
        return f"test{referring[1]}"
    return next((split for start, split in _KNOWN if name.lower().startswith(start)), None)


def _own_name(relative: str) -> str:
    stem = relative.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return "train" if stem.lower() in _NAMELESS or stem.isdigit() else _safe(stem)


def _safe(name: str) -> str:
    """A name that can be a folder's."""
    return _UNSAFE.sub("_", name).lstrip(".") or "train"


def is_split_name(name: str) -> bool:
    """Whether a folder's name says train, val or test."""
    return _known_split(name) is not None
