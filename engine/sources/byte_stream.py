"""Bytes of a file as a stream, of which only a megabyte is in memory."""

from typing import Any

import pyarrow as pa

STEP_BYTES = 1 << 20


class NotStreamedError(Exception):
    """What is read is damaged, or of a kind that is not read as a stream; pyarrow can say which."""


class ByteStream:
    """The bytes [start, stop) of a file.

    Views that it gives stay as they are: what is read next is read into other memory.

    Args:
        handle: binary file; every read says where, so others may use it between reads.
        start, stop: positions in it.

    Attributes:
        data: what was read last.
        at: index in `data` of the next byte.
        position: in the file, of the end of `data`.
    """

    def __init__(self, handle: Any, start: int, stop: int) -> None:
        self._handle = handle
        self._stop = stop
        self.data = memoryview(b"")
        self.at = 0
        self.position = start

    @property
    def num_left(self) -> int:
        """Bytes up to `stop`."""
        return self._stop - self.tell()

    def tell(self) -> int:
        """Position in the file of the next byte."""
        return self.position - len(self.data) + self.at

    def take(self, count: int) -> memoryview:
        """The next bytes.

        Raises:
            NotStreamedError: there are fewer.
        """
        if len(self.data) - self.at < count:
            self.fill(count)
        start, self.at = self.at, self.at + count
        return self.data[start : self.at]

    def peek(self, count: int) -> memoryview:
        """The next bytes, as many as there are up to `count`; they are still to be taken."""
        count = min(count, self.num_left)
        view = self.take(count)
        self.at -= count
        return view

    def skip(self, count: int) -> None:
        """Passes over bytes without reading them; raises what `take` does."""
        if not 0 <= count <= self.num_left:
            raise NotStreamedError(f"{count:,} bytes of {self.num_left:,}")
        self.at += count
        if self.at > len(self.data):
            self.position += self.at - len(self.data)
            self.data, self.at = memoryview(b""), 0

    def fill(self, count: int) -> None:
        """Has at least so many bytes in `data`, from `at` on; raises what `take` does."""
        if not 0 <= count <= self.num_left:
            raise NotStreamedError(f"{count:,} bytes of {self.num_left:,}")
        rest = len(self.data) - self.at
        size = min(max(count, STEP_BYTES), self.num_left)
        data = new_memory(size)
        data[:rest] = self.data[self.at :]
        self._handle.seek(self.position)
        while rest < size:
            num_read = self._handle.readinto(data[rest:])
            if not num_read:
                raise NotStreamedError(f"the file ends at {self.position:,}")
            rest += num_read
            self.position += num_read
        self.data, self.at = data, 0


def new_memory(num_bytes: int) -> memoryview:
    """Bytes to write into; Arrow's allocator has them ready, where others ask the kernel anew."""
    return memoryview(pa.allocate_buffer(num_bytes)).cast("B")
