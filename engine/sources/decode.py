"""Decode: rows of a source file to records, with what is wrong with the rest."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from groundray.engine.arrays import to_texts
from groundray.engine.records import FloatArray, IntArray, Records
from groundray.engine.sources.box_lists import BoxLists, read_orders, to_xyxy
from groundray.engine.sources.columns import (
    align_lists,
    follow,
    follow_inside,
    gather_lists,
    to_floats,
    to_integers,
)
from groundray.engine.sources.faults import (
    Codes,
    Fault,
    list_mismatch,
    make_faults,
    record_codes,
    row_codes,
)
from groundray.engine.sources.ids import add_scope, id_texts
from groundray.engine.sources.keys import (
    Grouping,
    Keys,
    Rows,
    make_keys,
    null_annotations,
    read_expressions,
)
from groundray.engine.sources.layout import ORDERS, Layout, Path
from groundray.engine.sources.source import Source, SourceFile
from groundray.engine.texts import Texts


class Decoded(NamedTuple):
    """A batch of records.

    Attributes:
        keys: of all records, sound or not.
        records: the sound ones, in the sequence of `keys`.
        faults: the others, by their index in `keys`.
    """

    keys: Keys
    records: Records
    faults: tuple[Fault, ...]


def decode_rows(source: Source, file: SourceFile, rows: Rows) -> Decoded:
    """Keys, sound records and faults of a batch of rows, whose boxes were read."""
    keys, grouping = make_keys(source, file, rows)
    orders = read_orders(source.layout, rows.batch)
    queries = _read_queries(source.layout, rows.batch, grouping)
    codes = record_codes(_row_codes(source.layout, rows, orders), grouping, queries)
    records = _regroup(_row_records(source, file, rows, orders), grouping)
    if queries is not None:
        records = _name_by_query(records, id_texts(keys.id), queries)
    if codes is None:
        return Decoded(keys, records, ())
    faults = make_faults(codes, keys, np.diff(records.offsets))
    return Decoded(keys, records.take(codes == 0), faults)


def _row_codes(layout: Layout, rows: Rows, orders: list[str | None] | None) -> Codes | None:
    flags = {
        "null_id": rows.null_ids,
        "null_annotations": null_annotations(layout, rows),
        "list_length_mismatch": list_mismatch(_boxes(rows), rows.categories),
    }
    if orders is not None:
        flags["unknown_box_order"] = np.array([order not in ORDERS for order in orders])
    return row_codes(len(rows), flags)


def _row_records(
    source: Source,
    file: SourceFile,
    rows: Rows,
    orders: list[str | None] | None,
) -> Records:
    """One record a row, whether sound or not, and without queries."""
    layout, batch, boxes = source.layout, rows.batch, _boxes(rows)
    texts = id_texts(add_scope(rows.ids, file.scope))
    category, names = _read_category(source, rows)
    return Records(
        row=np.arange(rows.first, rows.first + len(rows), dtype=np.int64),
        id=texts,
        image_key=texts,
        width=_read_size(batch, layout.width),
        height=_read_size(batch, layout.height),
        offsets=boxes.offsets,
        xyxy=to_xyxy(boxes.numbers, layout.order, orders=orders, offsets=boxes.offsets),
        category=category,
        names=names,
        area=_read_box_field(batch, layout.area, boxes, missing=np.nan),
        iscrowd=_read_box_field(batch, layout.iscrowd, boxes, missing=0.0) > 0,
        difficult=_read_box_field(batch, layout.difficult, boxes, missing=0.0) > 0,
        query=[None] * len(rows),
    )


def _regroup(records: Records, grouping: Grouping) -> Records:
    """Records as the rows give them: runs of rows as one, or a row as several."""
    boxes: IntArray | slice = slice(None)
    if grouping.grouped:
        offsets = np.append(records.offsets[grouping.row], records.offsets[-1:])
    elif len(grouping.row) == len(records):
        return records
    else:
        offsets, boxes = gather_lists(records.offsets, grouping.row)
    return replace(
        records,
        row=records.row[grouping.row],
        id=records.id.take(grouping.row),
        image_key=records.image_key.take(grouping.row),
        width=records.width[grouping.row],
        height=records.height[grouping.row],
        offsets=offsets,
        xyxy=records.xyxy[boxes],
        category=records.category[boxes],
        area=records.area[boxes],
        iscrowd=records.iscrowd[boxes],
        difficult=records.difficult[boxes],
        query=[None] * len(grouping.row),
    )


def _name_by_query(records: Records, ids: Texts, queries: list[str | None]) -> Records:
    """Records for grounding: the category of a box is the expression that it answers."""
    names = [query or "" for query in queries]
    return replace(records, id=ids, query=queries, names=names, category=records.box_record)


def _read_queries(
    layout: Layout, batch: pa.RecordBatch, grouping: Grouping
) -> list[str | None] | None:
    """One expression a record, None where there is none; None for detection."""
    if layout.task != "grounding":
        return None
    column = read_expressions(layout, batch)
    texts = to_texts(column.values)
    if column.offsets is None:
        return texts
    rows = grouping.row
    places = np.arange(len(rows)) - np.searchsorted(rows, rows)
    index = column.offsets[rows] + places
    has_any = (index < column.offsets[rows + 1]).tolist()
    return [texts[i] if has else None for i, has in zip(index.tolist(), has_any, strict=True)]


def _read_category(source: Source, rows: Rows) -> tuple[IntArray, Sequence[str]]:
    """`(M,)` class index of each box, and the names."""
    boxes, categories = _boxes(rows), rows.categories
    if categories is None:  # a single class, which needs no column
        return np.zeros(len(boxes.numbers), dtype=np.int64), source.names or ()
    if categories.offsets is None:
        return np.repeat(categories.codes, np.diff(boxes.offsets)), categories.names
    return align_lists(
        categories.codes, categories.offsets, boxes.offsets, missing=-1
    ), categories.names


def _read_size(batch: pa.RecordBatch, path: Path | None) -> IntArray:
    if path is None:
        return np.zeros(len(batch), dtype=np.int64)
    return to_integers(follow(batch, path).values, missing=0)


def _read_box_field(
    batch: pa.RecordBatch, path: Path | None, boxes: BoxLists, *, missing: float
) -> FloatArray:
    """`(M,)` numbers, one a box; `missing` in rows that have not as many as boxes."""
    if path is None:
        return np.full(len(boxes.numbers), missing)
    column = follow_inside(batch, path)
    values = to_floats(column.values)
    if column.offsets is None:
        return np.repeat(values, np.diff(boxes.offsets))
    return align_lists(values, column.offsets, boxes.offsets, missing=missing)


def _boxes(rows: Rows) -> BoxLists:
    if rows.boxes is None:
        raise TypeError("the boxes were not read")
    return rows.boxes
