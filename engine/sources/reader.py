"""Reader: the files of a source, batch by batch."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice

import numpy as np
import pyarrow as pa

from groundray.engine.arrays import from_texts, to_texts
from groundray.engine.records import BoolArray
from groundray.engine.sources.box_lists import read_boxes
from groundray.engine.sources.byte_stream import NotStreamedError
from groundray.engine.sources.columns import follow
from groundray.engine.sources.decode import Decoded, decode_rows
from groundray.engine.sources.ids import read_ids
from groundray.engine.sources.image_files import (
    ImageFinder,
    RowImages,
    find_images,
    image_fields,
    read_images,
)
from groundray.engine.sources.keys import (
    Keys,
    concat_keys,
    key_paths,
    make_keys,
    no_keys,
    read_rows,
    run_starts,
)
from groundray.engine.sources.layout import Layout, Path
from groundray.engine.sources.parquet import OpenParquet, open_parquet
from groundray.engine.sources.source import Source, SourceFile

_KEY_BATCH_BYTES = 1 << 19  # measured: each thread holds several times as much
_ANNOTATION_BATCH_BYTES = 1 << 21  # measured: an eighth less CPU time than with half of it
_IMAGE_BATCH_BYTES = 1 << 20  # measured: more only costs memory


def read_keys(source: Source, file: SourceFile, start: int = 0, stop: int | None = None) -> Keys:
    """Keys of the rows [start, stop) of a file at once; see `iter_keys`."""
    parts = list(iter_keys(source, file, start, stop))
    return concat_keys(parts) if parts else no_keys()


def iter_keys(
    source: Source, file: SourceFile, start: int = 0, stop: int | None = None
) -> Iterator[Keys]:
    """Keys of the rows [start, stop) of a file, from ids and categories as far as these will do.

    Args:
        source: what the columns mean.
        file: one of its files.
        start: first row; where the source's rows are grouped, one where a record begins.
        stop: the row after the last one; None for all.

    Raises:
        DamagedError: what the file holds cannot be decoded.
        ChangedError: the file has changed since the source was opened.
        SourceError: the file cannot be read at the moment.
    """
    with open_parquet(file) as opened:
        paths = key_paths(source.layout, opened.footer.schema)
        end = file.num_rows if stop is None else stop
        spans = opened.iter_batches(paths, start, end, batch_bytes=_KEY_BATCH_BYTES)
        for first, batch in whole_records(source.layout, file, spans):
            rows = read_rows(source, file, batch, first, paths=paths)
            keys = make_keys(source, file, rows)[0]
            if rows.boxes is None and not keys.num_boxes.all():
                has_boxes = _has_boxes(source.layout, opened, first, len(batch))
                keys.is_faulty[:] |= (keys.num_boxes == 0) & has_boxes
            yield keys


def iter_decoded(
    source: Source,
    file: SourceFile,
    start: int = 0,
    stop: int | None = None,
    *,
    batch_bytes: int = _ANNOTATION_BATCH_BYTES,
) -> Iterator[Decoded]:
    """Records of the rows [start, stop) of a file, batch by batch, without their images.

    Where the source's rows are grouped, both ends must be where a record ends.

    Args:
        source: what the columns mean.
        file: one of its files.
        start: first row, counted over the whole file.
        stop: the row after the last one; None for all.
        batch_bytes: about how much a batch holds; at least one row.

    Raises:
        DamagedError: what the file holds cannot be decoded.
        ChangedError: the file has changed since the source was opened.
        SourceError: the file cannot be read at the moment.
    """
    paths = annotation_paths(source.layout)
    with open_parquet(file) as opened:
        end = file.num_rows if stop is None else stop
        spans = opened.iter_batches(paths, start, end, batch_bytes=batch_bytes)
        for first, batch in whole_records(source.layout, file, spans):
            yield decode_rows(source, file, read_rows(source, file, batch, first, paths=paths))


def iter_images(
    source: Source,
    file: SourceFile,
    start: int = 0,
    stop: int | None = None,
    *,
    batch_bytes: int = _IMAGE_BATCH_BYTES,
) -> Iterator[RowImages]:
    """The image of every row [start, stop) of a file, in order, some at a time.

    Images are read apart from the records, because a few of them fill the memory that the
    annotations of thousands need.

    Args:
        source: what the columns mean.
        file: one of its files.
        start: first row, counted over the whole file.
        stop: the row after the last one; None for all.
        batch_bytes: about how much is held at a time; at least one row.

    Raises:
        DamagedError: what the file holds cannot be decoded.
        ChangedError: the file has changed since the source was opened.
        SourceError: the file cannot be read at the moment.
    """
    finder = ImageFinder(file, source.image_root)
    path = source.layout.image
    with open_parquet(file) as opened:
        end = file.num_rows if stop is None else stop
        with suppress(NotStreamedError):
            for images in _iter_streamed(opened, path, start, end, batch_bytes, finder):
                yield images
                start += len(images)
        for _, batch in opened.iter_batches([path], start, end, batch_bytes=batch_bytes):
            yield read_images(path, batch, finder)


def _iter_streamed(
    opened: OpenParquet, path: Path, start: int, stop: int, batch_bytes: int, finder: ImageFinder
) -> Iterator[RowImages]:
    """The same images, in less memory; a NotStreamedError where the rest is for pyarrow."""
    data, names = image_fields(opened.footer.schema, path)
    if data is None:
        raise NotStreamedError("no bytes")
    values = opened.iter_binary(data, start, stop, batch_bytes=batch_bytes)
    if names is None:
        yield from (find_images(some, None, finder) for some in values)
        return
    batches = opened.iter_batches([names], start, stop, batch_bytes=batch_bytes)
    texts = chain.from_iterable(to_texts(follow(batch, names).values) for _, batch in batches)
    for some in values:
        named = list(islice(texts, len(some)))
        needs_names = any(value is None for value in some)
        yield find_images(some, from_texts(named) if needs_names else None, finder)


def _has_boxes(layout: Layout, opened: OpenParquet, first: int, count: int) -> BoolArray:
    """`(N,)` rows with boxes, by the boxes themselves."""
    spans = opened.iter_batches(
        layout.boxes, first, first + count, batch_bytes=_ANNOTATION_BATCH_BYTES
    )
    counts = [np.diff(read_boxes(layout.boxes, batch).offsets) for _, batch in spans]
    has_boxes: BoolArray = np.concatenate(counts) > 0
    return has_boxes


def annotation_paths(layout: Layout) -> list[Path]:
    """Columns that records are made from, all but the image."""
    named = [layout.id or layout.image_name, layout.width, layout.height, layout.order_column]
    named += [layout.category, layout.area, layout.iscrowd, layout.difficult]
    named += [layout.expression, layout.expression_id]
    return [path for path in (*named, *layout.boxes) if path is not None]


def whole_records(
    layout: Layout, file: SourceFile, batches: Iterable[tuple[int, pa.RecordBatch]]
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Batches that end where a record ends: the last run of one id waits for the next batch."""
    if not layout.grouped:
        yield from batches
        return
    held: pa.RecordBatch | None = None
    begin = 0
    for first, new in batches:
        batch = new if held is None else pa.concat_batches([held, new])
        begin = first if held is None else begin
        last = int(run_starts(read_ids(layout, file, batch, begin)[0])[-1])
        if last:
            yield begin, batch.slice(0, last)
        begin, held = begin + last, batch.slice(last)
    if held is not None:
        yield begin, held
