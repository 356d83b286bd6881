"""Categories: the class of each box as an index into the class names."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from groundray.engine.arrays import to_numpy
from groundray.engine.records import BoolArray, IntArray
from groundray.engine.sources.columns import (
    follow_inside,
    null_mask,
    to_integers,
)
from groundray.engine.sources.source import Source


class Categories(NamedTuple):
    """Classes of the boxes of a batch.

    Attributes:
        codes: `(M,)` indices into `names`; -1 where the value names no class that counts.
        names: class names; of the batch alone where the source does not know them.
        offsets: `(N + 1,)` of the rows' lists; None where a row has one value for all of its boxes.
        is_null: `(N,)` rows without a list; None where every row has one.
    """

    codes: IntArray
    names: tuple[str, ...]
    offsets: IntArray | None
    is_null: BoolArray | None


def read_categories(source: Source, batch: pa.RecordBatch) -> Categories | None:
    """The categories of a batch, or None where the layout has none."""
    if source.layout.category is None:
        return None
    column = follow_inside(batch, source.layout.category)
    values = column.values
    if pt.is_string(values.type):
        codes, names = _codes_of_text(source, values)
    else:
        codes, names = _codes_of_numbers(source, values), source.names or ()
    return Categories(codes, names, column.offsets, column.is_null)


def _codes_of_numbers(source: Source, values: pa.Array) -> IntArray:
    numbers = to_integers(values, missing=-1)
    if source.has_plain_numbers:
        count = len(source.names or ())
        if len(numbers) == 0 or (numbers.min() >= 0 and numbers.max() < count):
            return numbers
        return np.where((numbers >= 0) & (numbers < count), numbers, -1)
    lookup = np.append(source.class_lookup, -1)  # its last element stands for all that are outside
    outside = (numbers < 0) | (numbers >= len(lookup))
    codes: IntArray = lookup[np.where(outside, -1, numbers)]
    return codes


def _codes_of_text(source: Source, values: pa.Array) -> tuple[IntArray, tuple[str, ...]]:
    encoded = pc.dictionary_encode(values)
    found: list[str | None] = encoded.dictionary.to_pylist()
    if source.names is None:
        names = tuple(sorted({name for name in found if name}))
    else:
        names = source.names
    position = {name: i for i, name in enumerate(names)}
    lookup = np.array([*(position.get(name or "", -1) for name in found), -1], dtype=np.int64)
    places = to_numpy(encoded.indices)
    nulls = null_mask(encoded.indices)
    codes: IntArray = lookup[places if nulls is None else np.where(nulls, -1, places)]
    return codes, names
