"""Pictures: the images of a batch of records, ready to be written or to be referred to."""

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from groundray.engine.images import ImageBytes, prepare_image, read_image_size
from groundray.engine.records import FloatArray, IntArray, Records
from groundray.engine.sources import open_file, protocol_of
from groundray.formats.errors import ImageError

_HEADER_BYTES = 64 << 10


class Picture(NamedTuple):
    """The image of one record.

    Attributes:
        data: bytes of the file to write; None where the image stays where it is.
        place: absolute path or URL of an image that stays where it is.
        image_size: (width, height) of the stored frame.
        orientation: EXIF orientation that was found.
        transcoded: why the bytes are not the source's, or None.
    """

    data: ImageBytes | None
    place: str | None
    image_size: tuple[int, int]
    orientation: int
    transcoded: str | None


def iter_pictures(
    records: Records, images: Literal["copy", "reference"], verify: Literal["header", "decode"]
) -> Iterator[Picture | ImageError]:
    """The picture of each record, or what is wrong with it; records of one row share theirs.

    Args:
        records: N of them.
        images: "copy" reads whole images; "reference" reads headers of files, and takes the size
            of what stands behind an http URL from the source's columns.
        verify: how much of a copied image is decoded.
    """
    data = _views(records.image_bytes)
    last_row = -1
    last: Picture | ImageError | None = None
    for i, row in enumerate(records.row.tolist()):
        if row != last_row or last is None:
            try:
                last = _copied(records, data, i, verify) if images == "copy" else _referred(records, i)
            except ImageError as error:
                last = error
            last_row = row
        yield last


def sizes_of(pictures: Sequence[Picture]) -> FloatArray:
    """`(N, 2)` width and height of the stored frames."""
    return np.array([p.image_size for p in pictures], dtype=np.float64).reshape(-1, 2)


def orientations_of(pictures: Sequence[Picture]) -> IntArray:
    """`(N,)` EXIF orientations."""
    return np.array([p.orientation for p in pictures], dtype=np.int64)


def _views(array: Any) -> list[memoryview]:
    """The values of an Arrow binary array; a scalar of it would be a copy."""
    if array is None:
        return []
    column = array.cast(pa.large_binary())
    (_, offsets, values) = column.buffers()
    ends = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1].tolist()
    whole = memoryview(values or b"").cast("B")
    return [whole[start:end] for start, end in pairwise(ends)]


def _copied(
    records: Records,
    data: Sequence[memoryview],
    index: int,
    verify: Literal["header", "decode"],
) -> Picture:
    place = records.image_path[index]
    image = prepare_image(data[index] if place is None else _read(place, None), verify=verify)
    return Picture(image.data, None, image.image_size, image.orientation, image.transcoded)


def _referred(records: Records, index: int) -> Picture:
    place = records.image_path[index]
    if place is None:
        raise ImageError(
            "no_image_file", "the image is in the parquet file: there is none to refer to"
        )
    protocol = protocol_of(place)
    if protocol in {"http", "https"}:
        size = (int(records.width[index]), int(records.height[index]))
        if not all(size):
            raise ImageError(
                "no_image_size", "an image behind a URL needs width and height columns"
            )
        return Picture(None, place, size, 1, None)
    if protocol is not None:
        raise ImageError("no_image_file", f"a trainer reads files and http URLs, not {protocol}://")
    try:
        size, orientation = read_image_size(_read(place, _HEADER_BYTES))
    except ImageError:
        size, orientation = read_image_size(_read(place, None))
    return Picture(None, place, size, orientation, None)


def _read(place: str, num_bytes: int | None) -> bytes:
    try:
        with open_file(place) as handle:
            data: bytes = handle.read(num_bytes) if num_bytes else handle.read()
            return data
    except OSError as error:
        name = place.rsplit("/", 1)[-1]
        reason = "missing_image" if isinstance(error, FileNotFoundError) else "unreadable_image"
        why = os.strerror(error.errno) if error.errno else type(error).__name__
        raise ImageError(reason, f"{name}: {why}") from error
