"""Pages: the binary values of a parquet column one after another, in little memory.

pyarrow holds a page as it was compressed and as it is, and the dictionary of a row group besides.
Writers put up to a thousand images into either: 150 MB, of which none but the next megabyte is
needed. So what writers make of images is read here as a stream: flat columns, PLAIN or by a
dictionary whose values are used in their order, uncompressed or in snappy. All else is left to
pyarrow, and so is all that is damaged.

Source: apache/parquet-format, README.md, Encodings.md, src/main/thrift/parquet.thrift (PageHeader,
DataPageHeader, DictionaryPageHeader, DataPageHeaderV2).
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from groundray.engine.sources.byte_stream import ByteStream, NotStreamedError
from groundray.engine.sources.footer_checks import schema_of
from groundray.engine.sources.snappy import SnappyStream
from groundray.engine.sources.thrift import INTEGERS, STRUCT, ThriftReader

_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3  # kinds of pages
_INDICES = 2, 8  # encodings of values in a dictionary
_ENCODINGS = {_DATA: (0, *_INDICES), _DATA_V2: (0, *_INDICES), _DICTIONARY: (0, 2)}  # 0 is plain
_RLE = 3  # the encoding of levels
_IS_COMPRESSED = 8, 7  # number of the field, and of the one inside
_HEADER_BYTES = (1 << 8, 1 << 12, 1 << 16)  # of a header, with its statistics
_MAX_BITS = 32


class _Page(NamedTuple):
    """What a page's header says; sizes in bytes, as written and as they are."""

    kind: int
    written_bytes: int
    text_bytes: int
    num_values: int
    encoding: int
    levels_bytes: int
    is_compressed: bool


class _Coded(NamedTuple):
    """Rows of values that are in the dictionary: which rows have one, and where it is."""

    has_value: list[bool]
    indices: NDArray[np.int64]


class _Plain:
    """Bytes that are not compressed; as `SnappyStream`."""

    def __init__(self, source: ByteStream, num_bytes: int) -> None:
        self._source = source
        self.num_left = num_bytes

    def take(self, count: int) -> memoryview:
        if count > self.num_left:
            raise NotStreamedError(f"{count:,} bytes of {self.num_left:,}")
        self.num_left -= count
        return self._source.take(count)


_Text = SnappyStream | _Plain


class BinaryColumn:
    """The values of a column in one row group.

    Args:
        handle: the file.
        metadata: its footer.
        group: index of the row group.
        leaf: index of the parquet column.

    Raises:
        NotStreamedError: it is for pyarrow.
    """

    def __init__(self, handle: Any, metadata: pq.FileMetaData, group: int, leaf: int) -> None:
        schema, chunk = schema_of(metadata).column(leaf), metadata.row_group(group).column(leaf)
        is_flat_binary = schema.physical_type == "BYTE_ARRAY" and not schema.max_repetition_level
        if not is_flat_binary or chunk.compression not in ("SNAPPY", "UNCOMPRESSED"):
            raise NotStreamedError(f"{schema.physical_type}, {chunk.compression}")
        self._handle = handle
        self._is_snappy = chunk.compression == "SNAPPY"
        self._definition = schema.max_definition_level
        self._num_values = chunk.num_values
        self._start = chunk.data_page_offset
        if chunk.dictionary_page_offset:  # the dictionary comes first; some writers do not say so
            self._start = min(self._start, chunk.dictionary_page_offset)
        self._stop = self._start + chunk.total_compressed_size

    def iter_values(self, first: int) -> Iterator[memoryview | None]:
        """The values of the rows from `first` on, None where there is none.

        Raises:
            NotStreamedError: the rest is for pyarrow. Damage shows at the end of its page: values
                before may be of it.
        """
        for num_values, values in self._iter_runs():
            if num_values <= first:
                first -= num_values
            else:
                yield from islice(values, first, None)
                first = 0

    def _iter_runs(self) -> Iterator[tuple[int, Iterator[memoryview | None]]]:
        """Pages of values, and how many; those that a dictionary holds together as one."""
        source = ByteStream(self._handle, self._start, self._stop)
        dictionary: tuple[_Page, int] | None = None
        coded: list[_Coded] = []
        num_left = self._num_values
        while num_left > 0:
            page = _read_header(source)
            start = source.tell()
            if page.kind == _DICTIONARY:
                dictionary = page, start
            elif page.encoding in _INDICES:
                coded.append(self._read_coded(source, page))
            else:
                if coded:
                    yield self._dictionary_run(dictionary, coded)
                    coded = []
                yield page.num_values, self._iter_plain(source, page)
            num_left -= 0 if page.kind == _DICTIONARY else page.num_values
            source.skip(start + page.written_bytes - source.tell())
        if coded:
            yield self._dictionary_run(dictionary, coded)
        if num_left:
            raise NotStreamedError(f"{-num_left} values too many")

    def _iter_plain(self, source: ByteStream, page: _Page) -> Iterator[memoryview | None]:
        has_value, text = self._open(source, page)
        for has in has_value:
            yield _take_value(text) if has else None
        if text.num_left:
            raise NotStreamedError(f"{text.num_left:,} bytes after the values of a page")

    def _read_coded(self, source: ByteStream, page: _Page) -> _Coded:
        has_value, text = self._open(source, page)
        num_indices = sum(has_value)
        if not num_indices:
            return _Coded(has_value, np.zeros(0, dtype=np.int64))
        (num_bits,) = text.take(1)
        return _Coded(has_value, _read_runs(text.take(text.num_left), num_bits, num_indices))

    def _dictionary_run(
        self, dictionary: tuple[_Page, int] | None, coded: Sequence[_Coded]
    ) -> tuple[int, Iterator[memoryview | None]]:
        indices = np.concatenate([np.full(1, -1), *(each.indices for each in coded)])
        steps = np.diff(indices)
        is_ordered = np.isin(steps, (0, 1)).all()
        if dictionary is None or not is_ordered or indices[-1] >= dictionary[0].num_values:
            raise NotStreamedError("values are not used in the order of the dictionary")
        num_values = sum(len(each.has_value) for each in coded)
        return num_values, self._iter_dictionary(*dictionary, coded)

    def _iter_dictionary(
        self, page: _Page, start: int, coded: Sequence[_Coded]
    ) -> Iterator[memoryview | None]:
        text = self._text(ByteStream(self._handle, start, start + page.written_bytes), page)
        last, value = -1, memoryview(b"")
        for has_value, indices in coded:
            own = iter(indices.tolist())
            for has in has_value:
                if has and (index := next(own)) != last:
                    last, value = index, _take_value(text)
                yield value if has else None

    def _open(self, source: ByteStream, page: _Page) -> tuple[list[bool], _Text]:
        """Which rows of a page have a value, and the text that these are in."""
        if not self._definition:
            return [True] * page.num_values, self._text(source, page)
        if page.kind == _DATA_V2:
            levels = source.take(page.levels_bytes)
            text = self._text(source, page)
        else:
            text = self._text(source, page)
            levels = text.take(int.from_bytes(text.take(4), "little"))
        found = _read_runs(levels, self._definition.bit_length(), page.num_values)
        has_value: list[bool] = (found == self._definition).tolist()
        return has_value, text

    def _text(self, source: ByteStream, page: _Page) -> _Text:
        num_bytes = page.written_bytes - page.levels_bytes
        if not (self._is_snappy and page.is_compressed and num_bytes):
            return _Plain(source, num_bytes)
        text = SnappyStream(source, num_bytes)
        if text.num_left != page.text_bytes - page.levels_bytes:
            raise NotStreamedError("a page is not of the size that it says")
        return text


def _take_value(text: _Text) -> memoryview:
    return text.take(int.from_bytes(text.take(4), "little"))


def _read_header(source: ByteStream) -> _Page:
    for num_bytes in _HEADER_BYTES:
        reader = ThriftReader(bytes(source.peek(num_bytes)))
        try:
            page = _parse_header(reader)
        except IndexError:  # the header is longer
            continue
        except (KeyError, RecursionError) as error:
            raise NotStreamedError("no page header") from error
        source.skip(reader.at)
        if page.encoding not in _ENCODINGS[page.kind]:
            raise NotStreamedError(f"page {page}")
        least = min(page.written_bytes, page.text_bytes) - page.levels_bytes
        if min(least, page.num_values, page.levels_bytes) < 0:
            raise NotStreamedError(f"page {page}")
        return page
    raise NotStreamedError("no page header")


def _parse_header(reader: ThriftReader) -> _Page:
    numbers = _read_numbers(reader)
    kind = numbers[1, 0]
    own = {_DATA: 5, _DICTIONARY: 7, _DATA_V2: 8}[kind]
    is_v2 = kind == _DATA_V2
    if is_v2 and (numbers[8, 6] or numbers[8, 3] != numbers[8, 1]):  # rows of several values
        raise KeyError
    if numbers.get((5, 3), _RLE) != _RLE:  # levels of old, packed without runs
        raise KeyError
    return _Page(
        kind,
        numbers[3, 0],
        numbers[2, 0],
        numbers[own, 1],
        numbers[own, 4 if is_v2 else 2],
        numbers[8, 5] if is_v2 else 0,
        bool(numbers.get(_IS_COMPRESSED, True)),
    )


def _read_numbers(reader: ThriftReader) -> dict[tuple[int, int], int]:
    """The numbers of a page's header, by number of the field, and of the one inside or 0."""
    numbers: dict[tuple[int, int], int] = {}
    for number, kind in reader.fields():
        if kind == STRUCT and number in (5, 7, 8):  # of a data page, a dictionary, a page of v2
            for inner, inner_kind in reader.fields():
                if inner_kind in INTEGERS:
                    numbers[number, inner] = reader.integer()
                else:
                    reader.skip(inner_kind)
                    if (number, inner) == _IS_COMPRESSED:
                        numbers[number, inner] = inner_kind == 1  # true
        elif kind in INTEGERS:
            numbers[number, 0] = reader.integer()
        else:
            reader.skip(kind)
    return numbers


def _read_runs(data: memoryview, num_bits: int, count: int) -> NDArray[np.int64]:
    """`(count,)` numbers of so many bits: levels, or indices into a dictionary."""
    numbers = np.zeros(count, dtype=np.int64)
    if num_bits > _MAX_BITS:
        raise NotStreamedError(f"numbers of {num_bits} bits")
    done = 0
    for run in _iter_number_runs(data, num_bits, count):
        found = run[: count - done]
        numbers[done : done + len(found)] = found
        done += len(found)
    if done < count and num_bits:
        raise NotStreamedError(f"{done:,} numbers of {count:,}")
    return numbers


def _iter_number_runs(data: memoryview, num_bits: int, count: int) -> Iterator[NDArray[np.int64]]:
    """Numbers as they are written: one that repeats, `count` times at most, or packed ones."""
    reader = ThriftReader(bytes(data))
    places = 1 << np.arange(num_bits, dtype=np.int64)
    while num_bits and reader.at < len(data):
        try:
            head = reader.varint()
        except IndexError:
            return
        size = (head >> 1) * num_bits if head & 1 else (num_bits + 7) // 8
        run = data[reader.at : reader.at + size]
        reader.at += size
        if head & 1:
            bits = np.unpackbits(np.frombuffer(run, dtype=np.uint8), bitorder="little")
            yield bits[: len(bits) // num_bits * num_bits].reshape(-1, num_bits) @ places
        else:
            yield np.full(min(head >> 1, count), int.from_bytes(run, "little"), dtype=np.int64)
