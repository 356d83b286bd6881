"""Fields of Arrow batches as numpy arrays, whatever their slices, nulls and list types."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundray.engine.arrays import to_numpy, to_texts
from groundray.engine.sources.columns import (
    align_lists,
    follow,
    gather_lists,
    list_parts,
    open_list,
    to_floats,
    to_integers,
)

lists = st.lists(st.one_of(st.none(), st.lists(st.integers(-5, 5), max_size=4)), max_size=8)


@settings(deadline=None)  # the first array of a process imports pandas
@given(lists, st.integers(0, 4))
def test_lists_of_any_slice_are_taken_apart(rows: list[list[int] | None], skip: int) -> None:
    array = pa.array(rows, pa.list_(pa.int64())).slice(skip)
    offsets, values = list_parts(array)
    flat = values.to_pylist()
    assert [flat[a:b] for a, b in pairwise(offsets)] == [row or [] for row in rows[skip:]]


@given(st.lists(st.one_of(st.none(), st.text())), st.integers(0, 3))
def test_text_is_read_as_pyarrow_reads_it(texts: list[str | None], skip: int) -> None:
    array = pa.array(texts, pa.string()).slice(skip)
    assert to_texts(array) == array.to_pylist()


@given(st.lists(st.one_of(st.none(), st.booleans())), st.integers(0, 20))
def test_flags_are_read_as_pyarrow_reads_them(flags: list[bool | None], skip: int) -> None:
    array = pa.array(flags, pa.bool_()).slice(skip)
    assert to_integers(array, missing=2).tolist() == [2 if f is None else f for f in flags[skip:]]
    assert len(to_numpy(array)) == len(array)


@pytest.mark.parametrize("type_", [pa.int8(), pa.uint16(), pa.int64(), pa.float32(), pa.float64()])
def test_numbers_become_float64_and_nulls_become_nan(type_: pa.DataType) -> None:
    floats = to_floats(pa.array([7, 1, None, 3], type_).slice(1))
    assert floats.dtype == np.float64
    np.testing.assert_array_equal(floats, [1, np.nan, 3])


def test_floats_that_are_no_whole_numbers_are_missing_as_integers() -> None:
    array = pa.array([1.0, 1.5, float("nan"), float("inf"), 1e300, None, -2.0])
    assert to_integers(array, missing=-9).tolist() == [1, -9, -9, -9, -9, -9, -2]


def test_a_column_of_no_type_has_only_missing_values() -> None:
    array = pa.nulls(3)
    assert to_integers(array, missing=-1).tolist() == [-1, -1, -1]
    assert np.isnan(to_floats(array)).all()
    assert to_texts(array) == [None, None, None]
    assert list_parts(array)[0].tolist() == [0, 0, 0, 0]


def test_paths_lead_through_structs_and_lists_of_structs() -> None:
    rows = [
        {"a": [{"b": {"c": [1, 2]}}, {"b": None}]},
        {"a": None},
        {"a": []},
        {"a": [{"b": {"c": [3]}}]},
    ]
    type_ = pa.struct(
        [("a", pa.list_(pa.struct([("b", pa.struct([("c", pa.list_(pa.int8()))]))])))]
    )
    batch = pa.RecordBatch.from_arrays([pa.array(rows, type_)], names=["x.y"])
    column = follow(batch, ("x.y", "a", "b", "c"))
    assert column.values.to_pylist() == [[1, 2], None, [3]]
    assert column.offsets is not None
    assert column.offsets.tolist() == [0, 2, 2, 2, 3]
    assert column.is_null is not None
    assert column.is_null.tolist() == [False, True, False, False]
    inner = open_list(column)
    assert inner.values.to_pylist() == [1, 2, 3]
    assert inner.offsets is not None
    assert inner.offsets.tolist() == [0, 2, 2, 2, 3]


def test_a_null_struct_makes_its_fields_null() -> None:
    array = pa.array([{"a": 1}, None], pa.struct([("a", pa.int64())]))
    column = follow(pa.RecordBatch.from_arrays([array], names=["s"]), ("s", "a"))
    assert column.values.to_pylist() == [1, None]


@given(st.lists(st.integers(0, 4), min_size=1), st.data())
def test_chosen_lists_keep_their_elements(counts: list[int], data: st.DataObject) -> None:
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    chosen = data.draw(st.lists(st.integers(0, len(counts) - 1)))
    ends, index = gather_lists(offsets, np.array(chosen, dtype=np.int64))
    found = [index[a:b].tolist() for a, b in pairwise(ends)]
    assert found == [list(range(offsets[i], offsets[i + 1])) for i in chosen]


def test_values_are_aligned_with_boxes_where_their_numbers_agree() -> None:
    values = np.array([1, 2, 3, 4, 5])
    aligned = align_lists(values, np.array([0, 2, 3, 5]), np.array([0, 2, 4, 6]), missing=-1)
    assert aligned.tolist() == [1, 2, -1, -1, 4, 5]
