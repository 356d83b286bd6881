"""What pyarrow cannot be asked about a parquet footer, because it may end the process.

pyarrow 25 raises no error but aborts ("terminate called after throwing an instance of
'parquet::ParquetException'") when it is asked for a column's metadata or statistics that do not fit
the schema, or are encrypted. So the footer is walked here once, before it is.

Source: apache/parquet-format, src/main/thrift/parquet.thrift (FileMetaData, RowGroup, ColumnChunk,
ColumnMetaData, Statistics, SizeStatistics); apache/thrift, doc/specs/thrift-compact-protocol.md.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pyarrow.parquet as pq

from groundray.formats.errors import SourceError

_BYTES_OF_KIND = {1: 0, 2: 0, 3: 1, 7: 8}  # true, false, byte, double; others are not of one length
_INTEGERS = frozenset({4, 5, 6})
_BINARY, _LIST, _SET, _MAP, _STRUCT = 8, 9, 10, 11, 12
_MAX_DEPTH = 64
_PHYSICAL_TYPES = (
    *("BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY"),
    "FIXED_LEN_BYTE_ARRAY",
)


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
    leaves = [_leaf(metadata.schema.column(i)) for i in range(metadata.num_columns)]
    empty = set(range(len(leaves)))
    try:
        for number, kind in (reader := _Reader(content)).fields():
            if number == 4 and kind == _LIST:
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


def _check_row_group(reader: "_Reader", leaves: list[_Leaf], empty: set[int]) -> None:
    for number, kind in reader.fields():
        if number != 1 or kind != _LIST:
            reader.skip(kind)
            continue
        count = reader.list_size()
        if count != len(leaves):
            raise SourceError(f"a row group has {count} columns of {len(leaves)}: corrupt")
        for i, leaf in enumerate(leaves):
            if _check_chunk(reader, leaf):
                empty.discard(i)


def _check_chunk(reader: "_Reader", leaf: _Leaf) -> bool:
    """Whether a column may have values in a row group."""
    has_values = True
    for number, kind in reader.fields():
        if number == 8:
            raise SourceError(f"column {leaf.path!r} is encrypted")
        if number == 3 and kind == _STRUCT:
            has_values = _check_column(reader, leaf)
        else:
            reader.skip(kind)
    return has_values


def _check_column(reader: "_Reader", leaf: _Leaf) -> bool:
    num_values, num_nulls = 0, -1
    for number, kind in reader.fields():
        if number in (1, 5) and kind in _INTEGERS:
            value = _zigzag(reader.varint())
            if number == 1 and value != leaf.type:
                raise SourceError(f"column {leaf.path!r} is not of its own type: corrupt")
            num_values = value if number == 5 else num_values
        elif number == 12 and kind == _STRUCT:
            num_nulls = _read_nulls(reader)
        elif number == 16 and kind == _STRUCT:
            _check_sizes(reader, leaf)
        else:
            reader.skip(kind)
    return num_nulls != num_values


def _read_nulls(reader: "_Reader") -> int:
    """How many values are null, as the statistics tell; -1 where they do not."""
    num_nulls = -1
    for number, kind in reader.fields():
        if number == 3 and kind in _INTEGERS:
            num_nulls = _zigzag(reader.varint())
        else:
            reader.skip(kind)
    return num_nulls


def _check_sizes(reader: "_Reader", leaf: _Leaf) -> None:
    levels = {2: leaf.repetition, 3: leaf.definition}
    for number, kind in reader.fields():
        if kind == _LIST and number in levels:
            size = reader.list_size()
            sound = size in (0, levels[number] + 1)
            for _ in range(size):
                reader.varint()
        else:
            sound = number != 1 or _PHYSICAL_TYPES[leaf.type] == "BYTE_ARRAY"
            reader.skip(kind)
        if not sound:
            raise SourceError(f"the size statistics of column {leaf.path!r} do not fit it: corrupt")


class _Reader:
    """Walks a struct of thrift's compact protocol; an IndexError where it ends too early."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._depth = 0
        self._element = 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """(number, kind) of each field; its value must be read or skipped before the next."""
        number = 0
        while head := self._byte():
            step = head >> 4
            number = number + step if step else _zigzag(self.varint())
            yield number, head & 15

    def list_size(self) -> int:
        """How many elements follow; no more than there are bytes."""
        head = self._byte()
        size = head >> 4
        if size == 15:
            size = self.varint()
        self._element = head & 15
        if size > len(self._data):
            raise IndexError
        return size

    def varint(self) -> int:
        """A whole number, as it stands."""
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def skip(self, kind: int) -> None:
        """Passes over a value."""
        if kind in _INTEGERS:
            self.varint()
        elif kind == _BINARY:
            self._pass(self.varint())
        elif kind in (_LIST, _SET):
            self._skip_list()
        elif kind == _MAP:
            self._skip_map()
        elif kind == _STRUCT:
            self._skip_struct()
        else:
            self._pass(_BYTES_OF_KIND[kind])

    def _skip_list(self) -> None:
        size = self.list_size()
        kind = self._element
        for _ in range(size):
            if kind in (1, 2):  # a boolean that is no field has a byte of its own
                self._pass(1)
            else:
                self.skip(kind)

    def _skip_struct(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise IndexError
        for _, kind in self.fields():
            self.skip(kind)
        self._depth -= 1

    def _skip_map(self) -> None:
        size = self.varint()
        kinds = self._byte() if size else 0
        for _ in range(min(size, len(self._data))):
            self.skip(kinds >> 4)
            self.skip(kinds & 15)

    def _pass(self, count: int) -> None:
        self._at += count
        if self._at > len(self._data):
            raise IndexError

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]


def _zigzag(value: int) -> int:
    return (value >> 1) ^ -(value & 1)
