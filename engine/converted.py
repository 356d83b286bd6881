"""Converted folders as sources: the exact boxes of what was converted, and its images."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from groundray.engine.manifest import Manifest
from groundray.engine.run import MANIFEST
from groundray.engine.sources import (
    Source,
    SourceFile,
    absolute,
    join,
    normalize,
    open_file,
    open_parquet,
    open_source,
    parent,
    protocol_of,
    public_name,
)
from groundray.formats.errors import SourceError

TRUTH = "truth"

_BATCH_BYTES = 1 << 20


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


def open_converted(place: str) -> Converted:
    """Opens a converted folder.

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
    )
    files = tuple(replace(file, split=file.relative.split("/", 1)[0]) for file in opened.files)
    if opened.unreadable:
        broken = opened.unreadable[0]
        raise SourceError(f"{public_name(place)}: {TRUTH}/{broken.relative}: {broken.reason}")
    return Converted(root, manifest, replace(opened, files=files))


def iter_places(file: SourceFile, start: int, stop: int) -> Iterator[str]:
    """Path or URL of the image of every row [start, stop) of a truth file, in order."""
    folder = parent(file.url) or ""
    with open_parquet(file) as opened:
        for _, batch in opened.iter_batches([("image",)], start, stop, batch_bytes=_BATCH_BYTES):
            for name in batch.column("image").to_pylist():
                is_absolute = name.startswith("/") or protocol_of(name) is not None
                yield name if is_absolute else normalize(join(folder, name))


def _read_manifest(root: str) -> bytes | None:
    """The manifest of a conversion, as far as a look at it tells; None for anything else."""
    try:
        with open_file(f"{root}/{MANIFEST}") as handle:
            data = bytes(handle.read())
    except (OSError, SourceError):
        return None
    return data if b'"why_layout"' in data else None
