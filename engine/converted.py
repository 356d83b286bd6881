"""Converted folders as sources: the exact boxes of what was converted, and its images."""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from groundray.engine.conversion.manifest import Manifest
from groundray.engine.run import MANIFEST
from groundray.engine.sources import (
    Source,
    SourceFile,
    absolute,
    iter_images,
    open_file,
    open_source,
    protocol_of,
    store_errors,
)
from groundray.formats.errors import SourceError
from groundray.models.urls import public_name

TRUTH = "truth"


@dataclass(frozen=True, slots=True)
class Converted:
    """What `groundray convert` left in a folder.

    Attributes:
        root: absolute path or URL of the folder.
        manifest: of the conversion.
        source: its truth files, the splits as they were converted.
    """

    root: str
    manifest: Manifest
    source: Source

    @property
    def splits(self) -> list[str]:
        """Splits that have records, sorted."""
        return sorted({file.split for file in self.source.files})

    def option(self, name: str) -> str | None:
        """A text that the examples were converted with: `prompt`, `system` or `prompt_classes`."""
        value = self.manifest.configuration[name]
        return None if value is None else str(value)


def is_converted(place: str) -> bool:
    """Whether a path or URL is a finished conversion."""
    return _read_manifest(absolute(place)) is not None


def open_converted(place: str, *, only: Sequence[str] | None = None) -> Converted:
    """Opens a converted folder.

    Args:
        place: path or URL.
        only: names of the classes that count; None for all.

    Raises:
        SourceError: it is none, or its conversion was not finished.
    """
    root = absolute(place)
    data = _read_manifest(root)
    if data is None:
        raise SourceError(
            f"{public_name(place)} is no finished conversion: it has no {MANIFEST} with "
            f"{TRUTH}/ beside; `groundray convert` makes one"
        )
    manifest = Manifest.from_json(data)
    task = manifest.configuration["task"]
    opened = open_source(
        [f"{root}/{TRUTH}"],
        layout="groundray",
        task=task,
        classes=manifest.classes if task == "detection" else None,
        only=only,
    )
    files = tuple(
        replace(file, split=file.relative.split("/", 1)[0], dataset="") for file in opened.files
    )
    if opened.unreadable:
        broken = opened.unreadable[0]
        raise SourceError(f"{public_name(place)}: {TRUTH}/{broken.relative}: {broken.reason}")
    return Converted(root, manifest, replace(opened, files=files))


@dataclass(frozen=True, slots=True)
class Sharing:
    """How another folder's files name the images of a converted one.

    Attributes:
        root: of the converted folder.
        to_root: what leads there from the folder of a shard of the other: a relative path, or a URL
            where the two are not in one store.
    """

    root: str
    to_root: str

    def name(self, place: str) -> str:
        """What an image is called, by its path or URL."""
        is_inside = place.startswith(f"{self.root}/")
        return self.to_root + place[len(self.root) :] if is_inside else place


def share_with(root: str, folder: str) -> Sharing:
    """How shards in a folder, or in one beside it, name the images of the converted `root`."""
    here = absolute(folder)
    is_near = _store_of(here) == _store_of(root)
    return Sharing(root, posixpath.relpath(root, here) if is_near else root)


def _store_of(place: str) -> str:
    """What relative paths cannot lead out of: protocol and bucket; empty for the local disk."""
    protocol, mark, rest = place.partition("://")
    return f"{protocol}{mark}{rest.partition('/')[0]}" if protocol_of(place) else ""


def iter_places(source: Source, file: SourceFile, start: int, stop: int) -> Iterator[str]:
    """Path or URL of the image of every row [start, stop) of a truth file, in order."""
    for batch in iter_images(source, file, start, stop):
        yield from (image.place or "" for image in batch)


def _read_manifest(root: str) -> bytes | None:
    """The manifest of a conversion, as far as a look at it tells; None for anything else.

    Raises:
        SourceError: its store does not answer at the moment.
    """
    try:
        with store_errors(root), open_file(f"{root}/{MANIFEST}") as handle:
            data = bytes(handle.read())
    except OSError:
        return None
    return data if b'"why_layout"' in data else None
