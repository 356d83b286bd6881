"""Pages as a stream: what pyarrow reads, in memory that follows neither page nor row group."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundray.engine.sources.byte_stream import NotStreamedError
from groundray.engine.sources.pages import BinaryColumn

MEGABYTE = 1 << 20
KINDS: dict[str, pa.DataType] = {
    "struct": pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    "optional": pa.binary(),
    "required": pa.binary(),
}


def write(path: Path, values: list[bytes | None], kind: str, **options: Any) -> None:
    """A column of binary values; in a struct, some of the nulls are of the whole struct."""
    rows: list[Any] = list(values)
    if kind == "struct":
        rows = [
            None if value is None and i % 2 else {"bytes": value, "path": "p"}
            for i, value in enumerate(values)
        ]
    field = pa.field("image", KINDS[kind], nullable=kind != "required")
    table = pa.Table.from_arrays([pa.array(rows, field.type)], schema=pa.schema([field]))
    pq.write_table(table, path, **options)


def stream(path: Path, first: int = 0) -> Iterator[bytes | None]:
    """The values of a file from row `first` on."""
    metadata = pq.read_metadata(path)
    with path.open("rb") as handle:
        for group in range(metadata.num_row_groups):
            num_rows = metadata.row_group(group).num_rows
            if first < num_rows:
                column = BinaryColumn(handle, metadata, group, 0)
                for value in column.iter_values(first):
                    yield None if value is None else bytes(value)
            first = max(first - num_rows, 0)


def images(count: int, size: int, seed: int = 0) -> list[bytes]:
    """Values that do not compress, as images do not, and of which no two are equal."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 2 * size, count).tolist()
    return [f"{seed} {i} ".encode() + rng.bytes(each) for i, each in enumerate(sizes)]


@st.composite
def columns(draw: st.DrawFn) -> list[bytes | None]:
    """Values that differ, or repeat the start of the one before, or are null; few are long."""
    values: list[bytes | None] = []
    runs = st.tuples(st.sampled_from(["new", "new", "again", "null"]), st.integers(1, 40))
    for kind, count in draw(st.lists(runs, max_size=12)):
        if kind == "null":
            values += [None] * count
        elif kind == "again" and values:
            last = values[-1]
            values += [last and last[:400]] * count  # long ones again and again: left to pyarrow
        else:
            size = draw(st.sampled_from([1, 40, 5_000]))
            values += images(count, size, seed=len(values))
    return values


@settings(max_examples=75, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=columns(),
    kind=st.sampled_from([*KINDS]),
    options=st.fixed_dictionaries(
        {
            "compression": st.sampled_from(["snappy", "none"]),
            "use_dictionary": st.booleans(),
            "data_page_version": st.sampled_from(["1.0", "2.0"]),
            "data_page_size": st.sampled_from([100, 20_000, MEGABYTE]),
            "write_batch_size": st.sampled_from([1, 7, 1024]),
            "dictionary_pagesize_limit": st.sampled_from([100, 20_000, MEGABYTE]),
            "row_group_size": st.sampled_from([1, 50, 10_000]),
        }
    ),
    first=st.integers(0, 100),
)
def test_values_are_those_that_were_written(
    tmp_path: Path,
    values: list[bytes | None],
    kind: str,
    options: dict[str, Any],
    first: int,
) -> None:
    if kind == "required":
        values = [value for value in values if value is not None]
    path = tmp_path / "values.parquet"
    write(path, values, kind, **options)
    assert list(stream(path, first)) == values[first:]


@pytest.mark.parametrize("dictionary", [False, True])
def test_a_page_of_many_images_is_never_in_memory_as_a_whole(
    tmp_path: Path, dictionary: bool
) -> None:
    values = images(300, MEGABYTE // 5)
    size = sum(map(len, values))
    limit = 2 * size if dictionary else MEGABYTE  # pyarrow's own is one a dictionary of images has
    path = tmp_path / "values.parquet"
    write(path, list(values), "struct", use_dictionary=dictionary, dictionary_pagesize_limit=limit)
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    held = [pool.bytes_allocated() - before for _ in stream(path)]
    assert len(held) == len(values)
    assert max(held) < 6 * MEGABYTE < size / 5


@pytest.mark.parametrize(
    ("values", "options"),
    [
        pytest.param([b"a", b"b", b"a"], {}, id="a dictionary's values in another order"),
        pytest.param([b"a", b"b"], {"compression": "zstd"}, id="another codec"),
        pytest.param(
            [b"a", b"b"],
            {"use_dictionary": False, "column_encoding": "DELTA_LENGTH_BYTE_ARRAY"},
            id="another encoding",
        ),
        pytest.param(
            [b"abcdefgh" * (1 << 18)], {"use_dictionary": False}, id="a value of many copies"
        ),
    ],
)
def test_what_is_for_pyarrow_is_left_to_it(
    tmp_path: Path, values: list[bytes | None], options: dict[str, Any]
) -> None:
    path = tmp_path / "values.parquet"
    write(path, values, "optional", **options)
    with pytest.raises(NotStreamedError):
        list(stream(path))


@pytest.mark.parametrize(
    ("indices", "is_streamed"), [([0, 1, 1, 2], True), ([0, 1], True), ([1, 2], False)]
)
def test_values_of_a_dictionary_that_is_longer_than_what_is_used(
    tmp_path: Path, indices: list[int], is_streamed: bool
) -> None:
    values = [b"a", b"b", b"c"]
    column = pa.DictionaryArray.from_arrays(pa.array(indices), pa.array(values, pa.binary()))
    path = tmp_path / "values.parquet"
    pq.write_table(pa.table({"image": column}), path)
    if is_streamed:
        assert list(stream(path)) == [values[index] for index in indices]
    else:
        with pytest.raises(NotStreamedError):
            list(stream(path))


def test_columns_that_repeat_or_are_no_bytes_are_left_to_pyarrow(tmp_path: Path) -> None:
    path = tmp_path / "values.parquet"
    table = pa.table({"list": pa.array([[b"a"]], pa.list_(pa.binary())), "number": pa.array([1])})
    pq.write_table(table, path)
    metadata = pq.read_metadata(path)
    with path.open("rb") as handle:
        for leaf in range(2):
            with pytest.raises(NotStreamedError):
                BinaryColumn(handle, metadata, 0, leaf)


@pytest.mark.parametrize("compression", ["none", "snappy"])
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), dictionary=st.booleans())
def test_damage_anywhere_in_a_column_is_refused_or_changes_no_more_than_values(
    tmp_path: Path, compression: str, data: st.DataObject, dictionary: bool
) -> None:
    values = images(60, 300)
    path = tmp_path / "values.parquet"
    write(path, list(values), "optional", compression=compression, use_dictionary=dictionary)
    content = bytearray(path.read_bytes())
    chunk = pq.read_metadata(path).row_group(0).column(0)
    stop = 4 + chunk.total_compressed_size
    at = data.draw(
        st.one_of(st.integers(4, stop - 1), st.integers(4, 60), st.integers(stop - 60, stop - 1))
    )
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    came: list[bytes | None] = []
    try:
        came.extend(stream(path))
    except NotStreamedError:
        assert len(came) <= len(values)
    else:
        assert len(came) == len(values)
