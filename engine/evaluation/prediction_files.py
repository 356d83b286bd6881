"""Predictions on disk: which files a run is made of, and what its manifest says of them."""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from groundray.engine.evaluation.prediction_pairs import build_pairs
from groundray.engine.run import MANIFEST
from groundray.engine.scoring.pairs import Pairs
from groundray.engine.sources import absolute, file_system, protocol_of
from groundray.formats.errors import SourceError
from groundray.models.urls import describe, public_name

_SUFFIX = ".jsonl"
_BLOCK_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class PredictionFiles:
    """The predictions of one checkpoint.

    Attributes:
        place: as typed.
        files: paths or URLs, sorted.
        classes: in id order.
        classes_from: manifest, file, or targets.
        checkpoint, format: as the manifest or else the first prediction says; None where neither
            does.
        declaration: TOML text that declares the format, where a file did.
        max_pixels: area that the model saw images in, for formats that write pixels of it; None
            where the model's own processor decided, or nobody says.
        expected: how many predictions the manifest tells of, None without one.
    """

    place: str
    files: tuple[str, ...]
    classes: tuple[str, ...]
    classes_from: str
    checkpoint: str | None
    format: str | None
    declaration: str | None
    max_pixels: int | None
    expected: int | None


def open_predictions(place: str, *, classes: Sequence[str] | None = None) -> PredictionFiles:
    """Finds the predictions at a place.

    Args:
        place: folder that `groundray predict` wrote, a glob, or a jsonl file; path or URL.
        classes: names in id order, in place of what the manifest says.

    Raises:
        SourceError: there are none, or there are several runs, or the manifest is not JSON, or a
            class is in the list twice.
    """
    files, root = _find(absolute(place))
    if not files:
        raise SourceError(_nothing_at(place))
    manifest = _read_manifest(root)
    first = _first_line(files)
    names, origin = classes, "file"
    if names is None:
        names, origin = manifest.get("classes"), "manifest"
    if names is None:
        names, origin = _classes_of_targets(files), "targets"
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise SourceError(f"{public_name(place)}: class {twice!r} is in the list of classes twice")
    records = manifest.get("records")
    return PredictionFiles(
        place=place,
        files=files,
        classes=tuple(names),
        classes_from=origin,
        checkpoint=manifest.get("checkpoint") or first.get("checkpoint"),
        format=manifest.get("format") or first.get("format"),
        declaration=manifest.get("declaration"),
        max_pixels=manifest.get("configuration", {}).get("max_pixels"),
        expected=records.get("predicted") if isinstance(records, dict) else None,
    )


def iter_pairs(file: str, classes: Sequence[str]) -> Iterator[Pairs]:
    """The predictions of a file as columns, some megabytes of text at a time.

    Raises:
        SourceError: the file cannot be read, or a line is not a prediction.
    """
    number = 1
    for lines in iter_blocks(file):
        yield build_pairs(lines, classes, place=public_name(file), first=number)
        number += len(lines)


def iter_blocks(file: str) -> Iterator[list[bytes]]:
    """The lines of a file, some megabytes at a time.

    Raises:
        SourceError: it cannot be read.
    """
    fs, path = file_system(file)
    try:
        with fs.open(path, "rb") as handle:
            rest = b""
            while block := handle.read(_BLOCK_BYTES):
                *lines, rest = (rest + block).split(b"\n")
                yield lines
            if rest:
                yield [rest]
    except OSError as error:
        raise SourceError(f"{public_name(file)}: {error.strerror or describe(error)}") from error


def image_place(image: str, file: str) -> str:
    """Path or URL of a prediction's image, which is relative to the prediction's file."""
    if protocol_of(image) is not None or image.startswith("/"):
        return image
    head, mark, path = file.rpartition("://")
    return head + mark + posixpath.normpath(posixpath.join(posixpath.dirname(path), image))


def size_of(files: Sequence[str]) -> int:
    """Bytes of files together."""
    total = 0
    for file in files:
        fs, path = file_system(file)
        total += int(fs.size(path) or 0)
    return total


def _find(place: str) -> tuple[tuple[str, ...], str]:
    """Files, and the folder that a manifest would be in."""
    fs, path = file_system(place)
    try:
        if fs.isdir(path):
            found, root = fs.find(path, maxdepth=2), path
        elif fs.isfile(path):
            found, root = [path], posixpath.dirname(path)
        else:
            found, root = fs.glob(path), posixpath.dirname(path)
    except (OSError, ValueError) as error:  # of a pattern that is none, too
        raise SourceError(f"{public_name(place)}: {describe(error)}") from error
    names = sorted({name for name in found if name.endswith(_SUFFIX) and _is_shown(name, root)})
    return tuple(_url(place, fs, name) for name in names), _url(place, fs, root)


def _is_shown(name: str, root: str) -> bool:
    return not any(part.startswith((".", "_")) for part in name[len(root) :].split("/"))


def _url(place: str, fs: Any, path: str) -> str:
    return path if protocol_of(place) is None else str(fs.unstrip_protocol(path))


def _nothing_at(place: str) -> str:
    fs, path = file_system(absolute(place))
    runs = sorted(
        posixpath.basename(posixpath.dirname(file))
        for file in fs.find(path, maxdepth=2)
        if file.endswith(f"/{MANIFEST}")
    )
    shown = public_name(place)
    if runs:
        return f"{shown} holds several runs; give one or more: " + ", ".join(
            f"{shown.rstrip('/')}/{run}" for run in runs
        )
    return f"no predictions at {shown}: neither a jsonl file nor a folder that `predict` wrote"


def _read_manifest(root: str) -> dict[str, Any]:
    """The manifest beside the predictions or in a folder above; empty where there is none."""
    for folder in (root, posixpath.dirname(root)):
        fs, path = file_system(f"{folder}/{MANIFEST}")
        try:
            fields = orjson.loads(fs.cat_file(path))
        except OSError:  # also what a store says where listing is not allowed
            continue
        except ValueError as error:
            message = f"{public_name(folder)}/{MANIFEST}: not JSON: {error}"
            raise SourceError(message) from error
        if isinstance(fields, dict) and "checkpoint" in fields:
            return fields
    return {}


def _first_line(files: Sequence[str]) -> dict[str, Any]:
    for file in files:
        for line in _iter_lines(file):
            try:
                fields = orjson.loads(line)
            except ValueError as error:
                message = f"{public_name(file)}, line 1: not a prediction: {error}"
                raise SourceError(message) from error
            return fields if isinstance(fields, dict) else {}
    return {}


def _classes_of_targets(files: Sequence[str]) -> list[str]:
    """Categories of all targets, sorted."""
    names: set[str] = set()
    for file in files:
        for number, line in enumerate(_iter_lines(file), start=1):
            try:
                names.update(target["category"] for target in orjson.loads(line)["targets"])
            except (KeyError, TypeError, ValueError) as error:
                message = f"{public_name(file)}, line {number}: not a prediction: {error!r}"
                raise SourceError(message) from error
    return sorted(names)


def _iter_lines(file: str) -> Iterator[bytes]:
    for lines in iter_blocks(file):
        yield from lines
