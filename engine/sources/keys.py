"""Keys: what is needed to choose records, without reading an image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from groundray.engine.arrays import from_numpy, to_numpy
from groundray.engine.records import BoolArray, IntArray
from groundray.engine.sources.box_lists import BoxLists, read_boxes
from groundray.engine.sources.categories import Categories, read_categories
from groundray.engine.sources.columns import (
    Column,
    follow_inside,
)
from groundray.engine.sources.ids import add_scope, expression_ids, read_ids
from groundray.engine.sources.layout import Layout, Path
from groundray.engine.sources.source import Source, SourceFile


@dataclass(frozen=True, slots=True)
class Keys:
    """N records of a file or of a batch, sound or not, in the file's order.

    Attributes:
        row: `(N,)` row of the file, the first one where a record is made of several.
        num_rows: `(N,)` rows that are counted with the record: those it is made of; where a row
            gives several records, the first has it.
        id: int64 or string Arrow array without a null; of one type in the whole source.
        num_boxes: `(N,)` boxes as the source's lists count them.
        has_category: `(N,)` a box's class counts; always true for grounding.
        is_faulty: `(N,)` the annotations are null, or boxes stand beside an empty list of
            categories: no record without boxes, but one whose boxes cannot be read.
        names: class names found here, in alphabetical order, where the source does not know them.
    """

    row: IntArray
    num_rows: IntArray
    id: pa.Array
    num_boxes: IntArray
    has_category: BoolArray
    is_faulty: BoolArray
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.row)

    def from_index(self, start: int) -> "Keys":
        """The keys from `start` on."""
        return Keys(
            self.row[start:],
            self.num_rows[start:],
            self.id[start:],
            self.num_boxes[start:],
            self.has_category[start:],
            self.is_faulty[start:],
            self.names,
        )


def no_keys() -> Keys:
    """Keys of a file without rows."""
    none = np.zeros(0, dtype=np.int64)
    flags = np.zeros(0, dtype=np.bool_)
    return Keys(none, none, from_numpy(none), none, flags, flags)


class Grouping(NamedTuple):
    """How the N rows of a batch give K records.

    Attributes:
        row: `(K,)` index of each record's row, the first one where it has several.
        grouped: records are runs of rows; else a row gives one record or more.
    """

    row: IntArray
    grouped: bool


def key_paths(layout: Layout, schema: pa.Schema) -> list[Path]:
    """Columns that keys are made from: no boxes where each has a category of its own."""
    paths = [layout.id or layout.image_name, layout.category, layout.expression_id]
    if layout.task == "grounding":
        paths.append(layout.expression)
    if not has_category_lists(layout, schema):
        paths.extend(layout.boxes)
    return [path for path in paths if path is not None]


def has_category_lists(layout: Layout, schema: pa.Schema) -> bool:
    """Whether the categories alone tell how many boxes a row has."""
    if layout.category is None or layout.task == "grounding" or layout.grouped:
        return False
    type_ = schema.field(layout.category[0]).type
    for name in layout.category[1:]:
        if pt.is_list(type_):
            return True
        type_ = type_.field(name).type
    return bool(pt.is_list(type_))


class Rows(NamedTuple):
    """A batch of N consecutive rows of a file, and the columns that keys and records share.

    Attributes:
        batch: the rows; where rows are grouped, whole runs.
        first: number of the first row in the file.
        ids: `(N,)` without scope and without a null.
        null_ids: `(N,)` rows whose id is a stand-in, or None.
        categories: None where the layout has none.
        boxes: None where keys do not need them and nothing else is wanted.
    """

    batch: pa.RecordBatch
    first: int
    ids: pa.Array
    null_ids: BoolArray | None
    categories: Categories | None
    boxes: BoxLists | None

    def __len__(self) -> int:
        return len(self.ids)


def read_rows(
    source: Source, file: SourceFile, batch: pa.RecordBatch, first: int, *, paths: Sequence[Path]
) -> Rows:
    """Takes the columns of a batch apart; the boxes only where they are among `paths`."""
    ids, null_ids = read_ids(source.layout, file, batch, first)
    boxes = read_boxes(source.layout.boxes, batch) if source.layout.boxes[0] in paths else None
    return Rows(batch, first, ids, null_ids, read_categories(source, batch), boxes)


def make_keys(source: Source, file: SourceFile, rows: Rows) -> tuple[Keys, Grouping]:
    """Keys of the records that the rows of a batch give, and how they give them."""
    grouping, ids = _group(source.layout, rows)
    counts, is_faulty = _count_boxes(source.layout, rows)
    has_category = _has_category(source.layout, rows, counts)
    num_rows = np.ones(len(rows), dtype=np.int64)
    if grouping.grouped:
        num_rows, counts = np.add.reduceat([num_rows, counts], grouping.row, axis=1)
        has_category = np.logical_or.reduceat(has_category, grouping.row)
        is_faulty = is_faulty[grouping.row]
    elif len(grouping.row) != len(rows):
        num_rows = np.diff(grouping.row, prepend=-1)
        counts, is_faulty = counts[grouping.row], is_faulty[grouping.row]
        has_category = has_category[grouping.row]
    is_open = rows.categories is not None and source.names is None
    keys = Keys(
        row=grouping.row + rows.first,
        num_rows=num_rows,
        id=add_scope(ids, file.scope),
        num_boxes=counts,
        has_category=has_category,
        is_faulty=is_faulty,
        names=rows.categories.names if is_open and rows.categories else (),
    )
    return keys, grouping


def concat_keys(parts: Sequence[Keys]) -> Keys:
    """Keys of consecutive batches as one, at least one batch."""
    return Keys(
        row=np.concatenate([part.row for part in parts]),
        num_rows=np.concatenate([part.num_rows for part in parts]),
        id=pa.concat_arrays([part.id for part in parts]),
        num_boxes=np.concatenate([part.num_boxes for part in parts]),
        has_category=np.concatenate([part.has_category for part in parts]),
        is_faulty=np.concatenate([part.is_faulty for part in parts]),
        names=tuple(sorted({name for part in parts for name in part.names})),
    )


def run_starts(ids: pa.Array) -> IntArray:
    """First index of every run of equal ids."""
    changes = pc.not_equal(ids[1:], ids[:-1])
    return np.concatenate([[0], np.flatnonzero(to_numpy(changes)) + 1]).astype(np.int64)


def _group(layout: Layout, rows: Rows) -> tuple[Grouping, pa.Array]:
    if layout.grouped and len(rows):
        starts = run_starts(rows.ids)
        return Grouping(starts, grouped=True), rows.ids.take(from_numpy(starts))
    if layout.task == "grounding" and layout.expression is not None:
        counts = expression_counts(layout, rows.batch)
        own = None
        if layout.expression_id is not None:
            own = follow_inside(rows.batch, layout.expression_id)
        ids = expression_ids(rows.ids, counts, own)
        return Grouping(np.repeat(np.arange(len(rows)), counts), grouped=False), ids
    return Grouping(np.arange(len(rows), dtype=np.int64), grouped=False), rows.ids


def read_expressions(layout: Layout, batch: pa.RecordBatch) -> Column:
    """Expressions of a batch: one or a list a row."""
    if layout.expression is None:
        raise TypeError("the layout has no expressions")
    return follow_inside(batch, layout.expression)


def expression_counts(layout: Layout, batch: pa.RecordBatch) -> IntArray:
    """`(N,)` records that each row gives; one without an expression gives one, which is a fault."""
    column = read_expressions(layout, batch)
    if column.offsets is None:
        return np.ones(len(batch), dtype=np.int64)
    return np.maximum(np.diff(column.offsets), 1)


def _count_boxes(layout: Layout, rows: Rows) -> tuple[IntArray, BoolArray]:
    """`(N,)` boxes of each row, and rows whose annotations are faulty."""
    offsets, _ = _counting_lists(layout, rows)
    is_null = null_annotations(layout, rows)
    is_faulty = np.zeros(len(rows), np.bool_) if is_null is None else is_null.copy()
    counts = offsets[1:] - offsets[:-1]
    if rows.boxes is not None:
        is_faulty |= (counts == 0) & (np.diff(rows.boxes.offsets) > 0)
    return counts, is_faulty


def null_annotations(layout: Layout, rows: Rows) -> BoolArray | None:
    """`(N,)` rows without annotations, not even an empty list; None where every row has them.

    Where rows are grouped, one without a box is how an image without boxes is written.
    """
    return None if layout.grouped else _counting_lists(layout, rows)[1]


def _counting_lists(layout: Layout, rows: Rows) -> tuple[IntArray, BoolArray | None]:
    """Offsets of the lists that tell how many boxes a row has, and where they are null."""
    categories = rows.categories if layout.task == "detection" else None
    if categories is not None and categories.offsets is not None:
        return categories.offsets, categories.is_null
    if rows.boxes is None:
        raise TypeError("neither categories nor boxes are lists")
    return rows.boxes.offsets, rows.boxes.is_null


def _has_category(layout: Layout, rows: Rows, counts: IntArray) -> BoolArray:
    if layout.task == "grounding" or rows.categories is None:
        return np.ones(len(rows), dtype=np.bool_)
    counts_in = rows.categories.codes >= 0
    if rows.categories.offsets is None:
        return counts_in & (counts > 0)
    if counts_in.all():
        return counts > 0
    seen = np.concatenate([[0], np.cumsum(counts_in)])[rows.categories.offsets]
    return seen[1:] > seen[:-1]
