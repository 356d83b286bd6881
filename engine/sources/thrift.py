"""Thrift's compact protocol, as parquet's footers and page headers are written in it.

Source: apache/thrift, doc/specs/thrift-compact-protocol.md.
"""

from collections.abc import Iterator

INTEGERS = frozenset({4, 5, 6})
BINARY, LIST, SET, MAP, STRUCT = 8, 9, 10, 11, 12

_BYTES_OF_KIND = {1: 0, 2: 0, 3: 1, 7: 8}  # true, false, byte, double; others are not of one length
_MAX_DEPTH = 64


class ThriftReader:
    """Walks a struct; an IndexError where it ends too early, a KeyError where it is none.

    Attributes:
        at: how many bytes were read.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0
        self._depth = 0
        self._element = 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """(number, kind) of each field; its value must be read or skipped before the next."""
        number, data = 0, self._data
        while head := data[self.at]:
            self.at += 1
            step = head >> 4
            number = number + step if step else self.integer()
            yield number, head & 15
        self.at += 1

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
        data, at, shift = self._data, self.at, 0
        byte = data[at]
        value = byte & 127
        while byte > 127:
            at, shift = at + 1, shift + 7
            byte = data[at]
            value |= (byte & 127) << shift
        self.at = at + 1
        return value

    def integer(self) -> int:
        """A whole number that may be negative."""
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def skip(self, kind: int) -> None:
        """Passes over a value."""
        if kind in INTEGERS:
            self.varint()
        elif kind == BINARY:
            self._pass(self.varint())
        elif kind in (LIST, SET):
            self._skip_list()
        elif kind == MAP:
            self._skip_map()
        elif kind == STRUCT:
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
        self.at += count
        if self.at > len(self._data):
            raise IndexError

    def _byte(self) -> int:
        self.at += 1
        return self._data[self.at - 1]
