"""Pictures: the images of a batch of records, ready to be written or to be referred to."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress, pairwise
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from groundray.engine.images import ImageBytes, PreparedImage, prepare_image, read_image_size
from groundray.engine.records import BoolArray, FloatArray, IntArray, Records
from groundray.engine.sources import open_file, protocol_of
from groundray.formats.errors import ImageError

_HEADER_BYTES = 64 << 10
_WEB = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Pictures:
    """The images of N records, as columns.

    Attributes:
        files: what to write for each record, or None where its image stays where it is; records
            of one row share the very object.
        places: path or URL of an image that stays where it is, else None.
        sizes: `(N, 2)` width and height of the stored frame.
        orientations: `(N,)` EXIF orientation that was found.
        errors: what is wrong with a record's image, by its place; the columns say nothing there.
    """

    files: list[PreparedImage | None]
    places: list[str | None]
    sizes: FloatArray
    orientations: IntArray
    errors: Mapping[int, ImageError]

    def take(self, keep: BoolArray) -> "Pictures":
        """The pictures where `keep`, `(N,)`, is true, none of which may be an error."""
        if keep.all():
            return self
        return Pictures(
            list(compress(self.files, keep)),
            list(compress(self.places, keep)),
            self.sizes[keep],
            self.orientations[keep],
            {},
        )


def copy_pictures(records: Records, verify: Literal["header", "decode"]) -> Pictures:
    """Reads and prepares the image of every record; records of one row share theirs.

    Args:
        records: N of them.
        verify: how much of each image is decoded.
    """
    embedded = _views(records.image_bytes)
    files: list[PreparedImage | None] = []
    errors: dict[int, ImageError] = {}
    last_row, last = -1, None
    for i, (row, place) in enumerate(zip(records.row.tolist(), records.image_path, strict=True)):
        if row != last_row:
            last_row, last = row, None
            try:
                data = embedded[i] if place is None else _read(place)
                last = prepare_image(data, verify=verify)
            except ImageError as error:
                errors[i] = error
        elif last is None:
            errors[i] = errors[i - 1]
        files.append(last)
    sizes = [(0, 0) if file is None else file.image_size for file in files]
    orientations = [1 if file is None else file.orientation for file in files]
    return Pictures(
        files,
        [None] * len(files),
        np.array(sizes, dtype=np.float64).reshape(-1, 2),
        np.array(orientations, dtype=np.int64),
        errors,
    )


def refer_to_pictures(records: Records) -> Pictures:
    """Leaves images where they are: reads the headers of files; URLs need width and height columns.

    Args:
        records: N of them.
    """
    sizes = np.stack([records.width, records.height], axis=1).astype(np.float64)
    orientations = np.ones(len(records), dtype=np.int64)
    errors: dict[int, ImageError] = {}
    for i, place in enumerate(records.image_path):
        if place is not None and place.startswith(_WEB):
            continue
        try:
            sizes[i], orientations[i] = _look_at(place)
        except ImageError as error:
            errors[i] = error
    for i in np.flatnonzero(sizes.min(axis=1, initial=np.inf) <= 0).tolist():
        missing = ImageError(
            "no_image_size", "an image behind a URL needs width and height columns"
        )
        errors.setdefault(i, missing)
    return Pictures([None] * len(records), list(records.image_path), sizes, orientations, errors)


def _views(array: Any) -> list[memoryview]:
    """The values of an Arrow binary array; a scalar of it would be a copy."""
    if array is None:
        return []
    column = array.cast(pa.large_binary())
    (_, offsets, values) = column.buffers()
    ends = np.frombuffer(offsets, np.int64)[column.offset :][: len(column) + 1].tolist()
    whole = memoryview(values or b"").cast("B")
    return [whole[start:end] for start, end in pairwise(ends)]


def _look_at(place: str | None) -> tuple[tuple[int, int], int]:
    """Size and orientation of an image file, from its header."""
    protocol = None if place is None else protocol_of(place)
    if place is None:
        raise ImageError("no_image_file", "the image is in the parquet file, not in one of its own")
    if protocol is not None:
        raise ImageError("no_image_file", f"trainers read files and http URLs, not {protocol}://")
    try:
        return read_image_size(_read(place, _HEADER_BYTES))
    except ImageError:
        return read_image_size(_read(place))


def _read(place: str, num_bytes: int | None = None) -> ImageBytes:
    try:
        with open_file(place) as handle:
            data: bytes = handle.read(num_bytes) if num_bytes else handle.read()
            return data
    except OSError as error:
        name = place.rsplit("/", 1)[-1]
        reason = "missing_image" if isinstance(error, FileNotFoundError) else "unreadable_image"
        why = os.strerror(error.errno) if error.errno else type(error).__name__
        raise ImageError(reason, f"{name}: {why}") from error
