"""Columns: fields of an Arrow batch as numpy arrays, without pandas and mostly without copying.

Types are those that `groundray.engine.sources.parquet` gives: numbers, bool, string, binary, list
and struct, and null for a column without a value; never large, fixed-size or dictionary types.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
from numpy.typing import NDArray

from groundray.engine.arrays import to_numpy
from groundray.engine.records import BoolArray, FloatArray, IntArray
from groundray.engine.sources.layout import Path

Number = TypeVar("Number", np.int64, np.float64)


@dataclass(frozen=True, slots=True)
class Column:
    """One field for every row of a batch.

    Attributes:
        values: Arrow array, of one value a row, or of the elements of all rows' lists.
        offsets: `(N + 1,)` where lists begin and end in `values`; None for one value a row.
        is_null: `(N,)` rows without a value or list; None where every row has one.
    """

    values: Any
    offsets: IntArray | None = None
    is_null: BoolArray | None = None


def follow(batch: pa.RecordBatch, path: Path) -> Column:
    """The field at `path`, opening the lists that the path leads through, but not the last one."""
    column = Column(batch.column(path[0]))
    for name in path[1:]:
        if pt.is_list(column.values.type):
            column = open_list(column)
        column = Column(child(column.values, name), column.offsets, column.is_null)
    return column if column.offsets is not None else _with_nulls(column)


def follow_inside(batch: pa.RecordBatch, path: Path) -> Column:
    """The field at `path`; where it is a list itself, its elements."""
    column = follow(batch, path)
    return open_list(column) if pt.is_list(column.values.type) else column


def open_list(column: Column) -> Column:
    """The elements of a column of lists; rows keep the outermost offsets of what they hold."""
    array = column.values
    offsets, values = list_parts(array)
    if column.offsets is not None:
        return Column(values, offsets[column.offsets], column.is_null)
    return Column(values, offsets, null_mask(array))


def child(array: pa.Array, name: str) -> pa.Array:
    """A field of a struct array, null where the struct is."""
    return pc.struct_field(array, [name]) if array.null_count else array.field(name)


def list_parts(array: pa.Array) -> tuple[IntArray, pa.Array]:
    """Offsets from 0, `(N + 1,)`, and the elements of an array of lists, or of nulls only."""
    if pt.is_null(array.type):
        return np.zeros(len(array) + 1, dtype=np.int64), array.slice(0, 0)
    offsets = to_numpy(array.offsets).astype(np.int64)
    first, last = int(offsets[0]), int(offsets[-1])
    return offsets - first if first else offsets, array.values.slice(first, last - first)


def null_mask(array: pa.Array) -> BoolArray | None:
    """`(N,)` where an array is null, or None where it never is."""
    return to_numpy(array.is_null()).astype(np.bool_) if array.null_count else None


def to_floats(array: pa.Array) -> FloatArray:
    """`(N,)` float64, NaN where an array of numbers is null; a view where it is float64 already."""
    if pt.is_null(array.type):
        return np.full(len(array), np.nan)
    if pt.is_decimal(array.type):
        array = array.cast(pa.float64())
    floats = to_numpy(array).astype(np.float64, copy=False)
    nulls = null_mask(array)
    return floats if nulls is None else np.where(nulls, np.nan, floats)


def to_integers(array: pa.Array, *, missing: int) -> IntArray:
    """`(N,)` int64, `missing` where an array of numbers is null or no whole number."""
    if pt.is_null(array.type):
        return np.full(len(array), missing, dtype=np.int64)
    if pt.is_floating(array.type) or pt.is_decimal(array.type):
        floats = to_floats(array)
        whole = np.isfinite(floats) & (np.abs(floats) < 2**53)
        integers = np.where(whole, floats, missing).astype(np.int64)
        return np.where(whole & (integers == floats), integers, missing)
    integers = to_numpy(array).astype(np.int64, copy=False)
    nulls = null_mask(array)
    return integers if nulls is None else np.where(nulls, missing, integers)


def gather_lists(offsets: IntArray, chosen: IntArray) -> tuple[IntArray, IntArray]:
    """Lists `chosen`, `(K,)`, of the lists that `offsets` bound, in that sequence.

    Returns:
        `(K + 1,)` offsets of the chosen lists, and the indices of their elements.
    """
    counts = (offsets[1:] - offsets[:-1])[chosen]
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    shifts = np.repeat(offsets[chosen] - ends[:-1], counts)
    return ends, np.arange(ends[-1], dtype=np.int64) + shifts


def align_lists(
    values: NDArray[Number], offsets: IntArray, box_offsets: IntArray, *, missing: float
) -> NDArray[Number]:
    """Values in lists of their own as one a box; `missing` in rows where the lengths differ."""
    if np.array_equal(offsets, box_offsets):
        return values
    aligned = np.full(box_offsets[-1], missing, dtype=values.dtype)
    same = np.flatnonzero(np.diff(offsets) == np.diff(box_offsets))
    aligned[gather_lists(box_offsets, same)[1]] = values[gather_lists(offsets, same)[1]]
    return aligned


def _with_nulls(column: Column) -> Column:
    return Column(column.values, None, null_mask(column.values))
