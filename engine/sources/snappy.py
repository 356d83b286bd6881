"""Snappy, decoded as a stream: a block of any size takes a megabyte or two of memory.

pyarrow decodes a block at once. A parquet page of a thousand images is one block of 150 MB, and is
then held twice.

Images hardly compress: they come as literals of up to 64 KB with few copies between (24 in an image
of 150 KB, measured), which Python decodes faster than pyarrow finds the memory. What does compress
is not for here.

Source: google/snappy, format_description.txt.
"""

from groundray.engine.sources.byte_stream import (
    STEP_BYTES,
    ByteStream,
    NotStreamedError,
    new_memory,
)

_HISTORY_BYTES = 1 << 16  # how far back encoders copy from: they compress 64 KB at a time, or less
_TAG_BYTES = 5
_COPY_BYTES = 64
_BYTES_PER_ELEMENT = 512  # with fewer on average, pyarrow is faster
_ELEMENTS = 4_096  # that may be shorter


class SnappyStream:
    """The text of one block.

    Views that it gives stay as they are.

    Args:
        source: from the start of the block.
        num_bytes: of the block.

    Attributes:
        num_left: bytes of the text that were not taken.
    """

    def __init__(self, source: ByteStream, num_bytes: int) -> None:
        self._source = source
        self._stop = source.tell() + num_bytes
        self.num_left = self._read_size()
        self._text = memoryview(b"")
        self._at = self._end = 0  # of what is decoded in `_text`
        self._literal = 0  # bytes of the literal under way that are still to come
        self._num_decoded = self._num_elements = 0
        self._check_end()

    def take(self, count: int) -> memoryview:
        """The next bytes of the text.

        Raises:
            NotStreamedError: there are fewer, the block is damaged, or it has too many copies.
        """
        if count > self.num_left:
            raise NotStreamedError(f"{count:,} bytes of {self.num_left:,}")
        if self._end - self._at < count:
            self._decode(count)
        start, self._at = self._at, self._at + count
        self.num_left -= count
        self._check_end()
        return self._text[start : self._at]

    def _check_end(self) -> None:
        if not self.num_left and (self._source.tell() != self._stop or self._literal):
            raise NotStreamedError("the block goes on after its text")

    def _read_size(self) -> int:
        size = 0
        for shift in range(0, 35, 7):
            (byte,) = self._source.take(1)
            size |= (byte & 127) << shift
            if byte < 128:
                return size
        raise NotStreamedError("the block does not begin with its size")

    def _decode(self, count: int) -> None:
        """Has at least so many bytes decoded, in memory of their own, and a megabyte if it can."""
        rest = self._end - self._at
        kept = min(max(rest, _HISTORY_BYTES), self._end)
        size = min(max(count, STEP_BYTES), self.num_left)
        text = new_memory(kept - rest + size + _COPY_BYTES)
        text[:kept] = self._text[self._end - kept : self._end]
        self._text, self._at, self._end = text, kept - rest, kept
        stop = self._at + size
        while self._end < stop:
            before = self._end
            try:
                self._decode_until(min(stop, before + STEP_BYTES))
            except IndexError as error:
                raise NotStreamedError("the block ends within an element") from error
            self._num_decoded += self._end - before
            if self._num_elements > _ELEMENTS + self._num_decoded // _BYTES_PER_ELEMENT:
                raise NotStreamedError("too many copies")

    def _decode_until(self, stop: int) -> None:
        """Decodes elements until `_end` has reached `stop`, and less than `_COPY_BYTES` beyond."""
        source, text, end = self._source, self._text, self._end
        data, at, last = source.data, source.at, self._last_start()
        while end < stop:
            if self._literal or at > last:
                source.at = at
                end += self._go_on(end, stop)
                data, at, last = source.data, source.at, self._last_start()
                continue
            self._num_elements += 1
            tag = data[at]
            if tag & 3:
                count, offset, at = _read_copy(data, at)
                start = end - offset
                if start < 0 or not offset:
                    raise NotStreamedError(f"a copy from {offset:,} bytes before")
                if offset >= count:
                    text[end : end + count] = text[start : start + count]
                else:  # it repeats what it writes
                    repeated = bytes(text[start:end]) * (count // offset + 1)
                    text[end : end + count] = repeated[:count]
                end += count
            else:
                count, at = _read_literal(data, at)
                after = at + count
                if after > last or end + count > stop:
                    self._literal = count
                    continue
                text[end : end + count] = data[at:after]
                end, at = end + count, after
        source.at = at
        self._end = end

    def _last_start(self) -> int:
        """The last index in the source's data that an element may start at."""
        in_data = len(self._source.data)
        stop = self._stop - self._source.position + in_data
        return stop - 1 if stop <= in_data else in_data - _TAG_BYTES

    def _go_on(self, end: int, stop: int) -> int:
        """Reads on; of a literal, copies what there is and has room, and returns how much."""
        source = self._source
        left = self._stop - source.tell()
        if left <= 0:
            raise NotStreamedError("the block ends before its text")
        if len(source.data) - source.at < min(left, _TAG_BYTES):
            source.fill(min(left, _TAG_BYTES))
        count = min(self._literal, len(source.data) - source.at, left, stop - end)
        self._text[end : end + count] = source.take(count)
        self._literal -= count
        return count


def _read_literal(data: memoryview, at: int) -> tuple[int, int]:
    """Length of a literal, and the index behind its tag."""
    size = data[at] >> 2
    if size < 60:
        return size + 1, at + 1
    after = at + size - 58
    return int.from_bytes(data[at + 1 : after], "little") + 1, after


def _read_copy(data: memoryview, at: int) -> tuple[int, int, int]:
    """Length of a copy, how far back it is from, and the index behind its tag."""
    tag = data[at]
    kind = tag & 3
    if kind == 1:
        return (tag >> 2 & 7) + 4, tag >> 5 << 8 | data[at + 1], at + 2
    if kind == 2:
        return (tag >> 2) + 1, data[at + 1] | data[at + 2] << 8, at + 3
    return (tag >> 2) + 1, int.from_bytes(data[at + 1 : at + 5], "little"), at + 5
