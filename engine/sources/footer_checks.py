"""What pyarrow cannot be asked about a parquet footer, because it may end the process.

pyarrow 25 raises no error but aborts ("terminate called after throwing an instance of
'parquet::ParquetException'") when it is asked for a column's metadata or statistics that do not fit
the schema, or are encrypted. So the footer is walked here once, before it is.

Source: apache/parquet-format, src/main/thrift/parquet.thrift (FileMetaData, RowGroup, ColumnChunk,
ColumnMetaData, Statistics, SizeStatistics).
"""

from typing import NamedTuple

import pyarrow.parquet as pq

from groundray.engine.sources.thrift import INTEGERS, LIST, STRUCT, ThriftReader
from groundray.formats.errors import SourceError

_PHYSICAL_TYPES = (
    *("BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY"),
    "FIXED_LEN_BYTE_ARRAY",
)


def schema_of(metadata: pq.FileMetaData) -> pq.ParquetSchema:
    """The parquet schema, which refers to the metadata.

    With `metadata.schema` these refer to each other, and every footer is there until Python looks
    for cycles: 140 KB a file of 33 row groups (measured, pyarrow 25).
    """
    return pq.ParquetSchema(metadata)


class _Leaf(NamedTuple):
    """A column of the schema: its path, its type's number, and its levels."""

    path: str
    type: int
    repetition: int
    definition: int


def check_footer(content: bytes, metadata: pq.FileMetaData) -> frozenset[int]:
    """Refuses a footer that pyarrow could not be asked about.

    Args:
        content: of the footer, in thrift's compact protocol; pyarrow has parsed it already.
        metadata: what pyarrow made of it.

    Returns:
        The columns without a value in any row, as the statistics tell.

    Raises:
        SourceError: it is damaged or encrypted.
    """
    schema = schema_of(metadata)
    leaves = [_leaf(schema.column(i)) for i in range(metadata.num_columns)]
    empty = set(range(len(leaves)))
    try:
        for number, kind in (reader := ThriftReader(content)).fields():
            if number == 4 and kind == LIST:
                for _ in range(reader.list_size()):
                    _check_row_group(reader, leaves, empty)
            else:
                reader.skip(kind)
    except (IndexError, RecursionError, KeyError) as error:
        raise SourceError("the footer cannot be read: corrupt") from error
    return frozenset(empty)


def _leaf(column: pq.ColumnSchema) -> _Leaf:
    return _Leaf(
        column.path,
        _PHYSICAL_TYPES.index(column.physical_type),
        column.max_repetition_level,
        column.max_definition_level,
    )


def _check_row_group(reader: ThriftReader, leaves: list[_Leaf], empty: set[int]) -> None:
    for number, kind in reader.fields():
        if number != 1 or kind != LIST:
            reader.skip(kind)
            continue
        count = reader.list_size()
        if count != len(leaves):
            raise SourceError(f"a row group has {count} columns of {len(leaves)}: corrupt")
        for i, leaf in enumerate(leaves):
            if _check_chunk(reader, leaf):
                empty.discard(i)


def _check_chunk(reader: ThriftReader, leaf: _Leaf) -> bool:
    """Whether a column may have values in a row group."""
    has_values = True
    for number, kind in reader.fields():
        if number == 8:
            raise SourceError(f"column {leaf.path!r} is encrypted")
        if number == 3 and kind == STRUCT:
            has_values = _check_column(reader, leaf)
        else:
            reader.skip(kind)
    return has_values


def _check_column(reader: ThriftReader, leaf: _Leaf) -> bool:
    num_values, num_nulls = 0, -1
    for number, kind in reader.fields():
        if number in (1, 5) and kind in INTEGERS:
            value = reader.integer()
            if number == 1 and value != leaf.type:
                raise SourceError(f"column {leaf.path!r} is not of its own type: corrupt")
            num_values = value if number == 5 else num_values
        elif number == 12 and kind == STRUCT:
            num_nulls = _read_nulls(reader)
        elif number == 16 and kind == STRUCT:
            _check_sizes(reader, leaf)
        else:
            reader.skip(kind)
    return num_nulls != num_values


def _read_nulls(reader: ThriftReader) -> int:
    """How many values are null, as the statistics tell; -1 where they do not."""
    num_nulls = -1
    for number, kind in reader.fields():
        if number == 3 and kind in INTEGERS:
            num_nulls = reader.integer()
        else:
            reader.skip(kind)
    return num_nulls


def _check_sizes(reader: ThriftReader, leaf: _Leaf) -> None:
    levels = {2: leaf.repetition, 3: leaf.definition}
    for number, kind in reader.fields():
        if kind == LIST and number in levels:
            size = reader.list_size()
            sound = size in (0, levels[number] + 1)
            for _ in range(size):
                reader.varint()
        else:
            sound = number != 1 or _PHYSICAL_TYPES[leaf.type] == "BYTE_ARRAY"
            reader.skip(kind)
        if not sound:
            raise SourceError(f"the size statistics of column {leaf.path!r} do not fit it: corrupt")
