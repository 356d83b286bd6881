"""Boxes: from whatever lists a source keeps them in to `(M, 4)` xyxy, float64."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from groundray.engine.arrays import to_texts
from groundray.engine.boxes import cxcywh_to_xyxy, xywh_to_xyxy
from groundray.engine.records import BoolArray, FloatArray, IntArray, offsets_of
from groundray.engine.sources.columns import (
    Column,
    follow,
    follow_inside,
    gather_lists,
    list_parts,
    open_list,
    to_floats,
)
from groundray.engine.sources.layout import Layout, Order, Path
from groundray.engine.sources.schema import is_number


class BoxLists(NamedTuple):
    """The boxes of every row, as the source writes them.

    Attributes:
        offsets: `(N + 1,)` where the rows' boxes begin and end.
        numbers: `(M, 4)`; NaN where a box is null or not four numbers.
        is_null: `(N,)` rows without a list; None where every row has one.
        uneven: `(N,)` rows whose numbers are no whole boxes, and which count as having none; None
            where there cannot be any.
    """

    offsets: IntArray
    numbers: FloatArray
    is_null: BoolArray | None
    uneven: BoolArray | None


def read_boxes(paths: Sequence[Path], batch: pa.RecordBatch) -> BoxLists:
    """The boxes of a batch, from one field or from four, in the source's own order and space."""
    if len(paths) == 4:
        return _from_four_fields(batch, paths)
    column = follow(batch, paths[0])
    if column.offsets is None:
        column = open_list(column)
        if not pt.is_list(column.values.type):
            return _from_flat(column)
    elif is_number(column.values.type) and not pt.is_null(column.values.type):
        return _from_flat(column)  # a list of structs that hold one number each
    while pt.is_list(column.values.type) and pt.is_list(column.values.type.value_type):
        column = open_list(column)
    return _from_lists(column)


def read_orders(layout: Layout, batch: pa.RecordBatch) -> list[str | None] | None:
    """What each row says of the order of its boxes, or None where all have the layout's."""
    if layout.order_column is None:
        return None
    orders = to_texts(follow(batch, layout.order_column).values)
    return None if all(order == layout.order for order in orders) else orders


def to_xyxy(
    numbers: FloatArray,
    order: Order,
    *,
    orders: list[str | None] | None = None,
    offsets: IntArray | None = None,
) -> FloatArray:
    """Corners of boxes; NaN where a row names an order that does not exist.

    Args:
        numbers: `(M, 4)` in `order`.
        order: of all boxes, unless `orders` says otherwise.
        orders: what each of N rows says, or None.
        offsets: `(N + 1,)` where the rows' boxes begin and end; needed where `orders` is given.
    """
    if orders is None or offsets is None:
        return _TO_XYXY[order](numbers)
    said = np.repeat(np.array(orders), np.diff(offsets))
    xyxy = np.full_like(numbers, np.nan)
    for name, convert in _TO_XYXY.items():
        chosen = said == name
        xyxy[chosen] = convert(numbers[chosen])
    return xyxy


def xyxy_to_xyxy(xyxy: FloatArray) -> FloatArray:
    """The same boxes."""
    return xyxy


_TO_XYXY = {"xyxy": xyxy_to_xyxy, "xywh": xywh_to_xyxy, "cxcywh": cxcywh_to_xyxy}


def _from_four_fields(batch: pa.RecordBatch, paths: Sequence[Path]) -> BoxLists:
    columns = [follow_inside(batch, path) for path in paths]
    first = columns[0]
    if first.offsets is None:  # one box a row, and none where the numbers are null
        numbers = np.stack([to_floats(column.values) for column in columns], axis=1)
        missing = first.is_null if first.is_null is not None else np.zeros(len(numbers), np.bool_)
        return BoxLists(_offsets(~missing), numbers[~missing], None, None)
    counts = np.diff(first.offsets)
    uneven = np.zeros(len(counts), dtype=np.bool_)
    for column in columns[1:]:
        uneven |= counts != np.diff(_required(column.offsets))
    fields = [_even_values(column, uneven) for column in columns]
    return BoxLists(_offsets(counts * ~uneven), np.stack(fields, axis=1), first.is_null, uneven)


def _even_values(column: Column, uneven: BoolArray) -> FloatArray:
    """Numbers of the rows that are not uneven."""
    values = to_floats(column.values)
    if not uneven.any():
        return values
    return values[gather_lists(_required(column.offsets), np.flatnonzero(~uneven))[1]]


def _from_flat(column: Column) -> BoxLists:
    """Rows of 4n numbers."""
    counts = np.diff(_required(column.offsets))
    uneven = counts % 4 != 0
    numbers = _even_values(column, uneven).reshape(-1, 4)
    return BoxLists(_offsets(counts * ~uneven // 4), numbers, column.is_null, uneven)


def _from_lists(column: Column) -> BoxLists:
    """Lists of boxes of 4 numbers each."""
    array = column.values
    starts, values = list_parts(array)
    offsets = _required(column.offsets)
    if array.null_count == 0 and len(values) == 4 * len(array) and (np.diff(starts) == 4).all():
        return BoxLists(offsets, _fours(values), column.is_null, None)
    numbers = np.full((len(array), 4), np.nan)
    whole = np.diff(starts) == 4
    numbers[whole] = to_floats(values)[starts[:-1][whole][:, None] + np.arange(4)]
    return BoxLists(offsets, numbers, column.is_null, None)


def _fours(values: pa.Array) -> FloatArray:
    return to_floats(values).reshape(-1, 4)


def _offsets(counts: IntArray | BoolArray) -> IntArray:
    return offsets_of(counts.astype(np.int64))


def _required(offsets: IntArray | None) -> IntArray:
    if offsets is None:
        raise TypeError("a list was expected for every row")
    return offsets
