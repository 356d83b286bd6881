"""Sample: boxes from the beginning, the middle and the end of a data set, to judge it by."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from groundray.engine.arrays import to_texts
from groundray.engine.images import read_image_size
from groundray.engine.records import FloatArray, IntArray
from groundray.engine.sources.box_lists import read_boxes
from groundray.engine.sources.columns import (
    align_lists,
    follow,
    follow_inside,
    to_floats,
)
from groundray.engine.sources.draft import Draft
from groundray.engine.sources.image_files import ImageFinder, read_images
from groundray.engine.sources.layout import Path
from groundray.engine.sources.parquet import open_parquet
from groundray.engine.sources.places import open_file
from groundray.engine.sources.schema import is_number
from groundray.engine.sources.source import SourceFile
from groundray.formats.errors import ImageError, SourceError

MAX_BOXES = 10_000
_MAX_HEADERS = 64  # images that are opened in each place, where no column has their sizes
_HEADER_BYTES = 64 << 10
_BATCH_BYTES = 1 << 18


class Sample(NamedTuple):
    """M boxes as they are written, without those that are not finite.

    Attributes:
        numbers: `(M, 4)`.
        image_sizes: `(M, 2)` width and height, NaN where unknown.
        area: `(M,)` as a column says, NaN where none does.
        class_numbers: `(M,)` numbers of classes, NaN where null; None where they are no numbers.
        orders: what rows say of the order of their boxes.
        source_of_sizes: "columns", "image headers" or "nothing".
    """

    numbers: FloatArray
    image_sizes: FloatArray
    area: FloatArray
    class_numbers: FloatArray | None
    orders: frozenset[str]
    source_of_sizes: str


def read_sample(draft: Draft, files: Sequence[SourceFile], image_root: str | None) -> Sample:
    """About `MAX_BOXES` boxes from the first, the middle and the last row group that has rows."""
    places = _places(files)
    parts = [
        part for place in places for part in _read_place(draft, place, len(places), image_root)
    ]
    if not parts:
        return Sample(np.zeros((0, 4)), np.zeros((0, 2)), np.zeros(0), None, frozenset(), "nothing")
    numbers, sizes, area, classes = (
        np.concatenate(columns) for columns in zip(*[p[:4] for p in parts], strict=True)
    )
    sound = np.isfinite(numbers).all(axis=1)
    is_header = draft.width is None and not np.isnan(sizes).all()
    return Sample(
        numbers[sound],
        sizes[sound],
        area[sound],
        None if np.isnan(classes).all() else classes[sound],
        frozenset(order for part in parts for order in part.orders),
        "columns" if draft.width else "image headers" if is_header else "nothing",
    )


def read_header_sizes(
    image: Path, files: Sequence[SourceFile], image_root: str | None
) -> FloatArray:
    """`(K, 2)` width and height of a few images from the same places, by their headers."""
    parts = [np.zeros((0, 2))]
    for place in _places(files):
        finder = ImageFinder(place.file, image_root)
        few = place._replace(stop=min(place.stop, place.start + _MAX_HEADERS))
        parts.extend(_header_sizes(image, batch, finder) for batch in few.iter_batches([image]))
    sizes = np.concatenate(parts)
    known: FloatArray = sizes[~np.isnan(sizes[:, 0])]
    return known


class _Part(NamedTuple):
    numbers: FloatArray
    image_sizes: FloatArray
    area: FloatArray
    class_numbers: FloatArray
    orders: set[str]


def _read_place(
    draft: Draft, place: "_Place", num_places: int, image_root: str | None
) -> Iterator[_Part]:
    """Parts of one place, until there are enough boxes or images."""
    paths = [*(draft.boxes or ()), draft.area, draft.category, draft.order_column]
    paths += [draft.width, draft.height] if draft.width else [draft.image]
    wanted = [path for path in paths if path is not None]
    finder = ImageFinder(place.file, image_root)
    boxes = images = 0
    for whole in place.iter_batches(wanted):
        batch = whole if draft.width else whole.slice(0, _MAX_HEADERS - images)
        part = _read_part(draft, batch, finder)
        boxes += len(part.numbers)
        images += len(batch)
        yield part
        is_enough = boxes >= MAX_BOXES // num_places
        if is_enough or (draft.width is None and images >= _MAX_HEADERS):
            return


def _read_part(draft: Draft, batch: pa.RecordBatch, finder: ImageFinder) -> _Part:
    boxes = read_boxes(draft.boxes or (), batch)
    sizes = (
        _column_sizes(draft, batch)
        if draft.width
        else _header_sizes(draft.image or (), batch, finder)
    )
    orders = follow(batch, draft.order_column).values if draft.order_column else None
    return _Part(
        boxes.numbers,
        np.repeat(sizes, np.diff(boxes.offsets), axis=0),
        _per_box(draft.area, batch, boxes.offsets),
        _per_box(draft.category, batch, boxes.offsets),
        {text or "" for text in to_texts(orders)} if orders is not None else set(),
    )


def _per_box(path: Path | None, batch: pa.RecordBatch, offsets: IntArray) -> FloatArray:
    """`(M,)` numbers, one a box; NaN where they are no numbers or do not fit a row's boxes."""
    nothing = np.full(int(offsets[-1]), np.nan)
    if path is None:
        return nothing
    column = follow_inside(batch, path)
    if not is_number(column.values.type):
        return nothing
    values = to_floats(column.values)
    if column.offsets is None:
        return np.repeat(values, np.diff(offsets))
    return align_lists(values, column.offsets, offsets, missing=np.nan)


def _column_sizes(draft: Draft, batch: pa.RecordBatch) -> FloatArray:
    columns = [
        to_floats(follow(batch, path).values) for path in (draft.width, draft.height) if path
    ]
    sizes = np.stack(columns, axis=1)
    return np.where(sizes > 0, sizes, np.nan)


def _header_sizes(image: Path, batch: pa.RecordBatch, finder: ImageFinder) -> FloatArray:
    """`(N, 2)` width and height of images, NaN where they cannot be read."""
    sizes = np.full((len(batch), 2), np.nan)
    for i, found in enumerate(read_images(image, batch, finder)):
        try:
            if found.place is not None:
                sizes[i] = _file_size(found.place)
            elif found.data is not None:
                sizes[i] = read_image_size(found.data)[0]
        except (ImageError, OSError, SourceError):
            continue  # unknown is an answer too: what is wrong with the image, its reader will say
    return sizes


def _file_size(place: str) -> tuple[int, int]:
    with open_file(place) as handle:
        head = bytes(handle.read(_HEADER_BYTES))
        try:
            return read_image_size(head)[0]
        except ImageError:
            return read_image_size(head + bytes(handle.read()))[0]


class _Place(NamedTuple):
    file: SourceFile
    start: int
    stop: int

    def iter_batches(self, paths: Sequence[Path]) -> Iterator[pa.RecordBatch]:
        """Its rows, as far as they can be read: who reads the whole file will say what is wrong."""
        with suppress(SourceError), open_parquet(self.file) as opened:
            for _, batch in opened.iter_batches(
                paths, self.start, self.stop, batch_bytes=_BATCH_BYTES
            ):
                yield batch


def _places(files: Sequence[SourceFile]) -> list[_Place]:
    """The first, the middle and the last row group."""
    groups = []
    for file in files:
        start = 0
        for count in file.row_groups:
            if count:
                groups.append(_Place(file, start, start + count))
            start += count
    return [groups[i] for i in sorted({0, len(groups) // 2, len(groups) - 1})] if groups else []
