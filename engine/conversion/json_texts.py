"""JSON of whole columns: Arrow arrays of text, in which Python is not asked about each value."""

from itertools import groupby
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from groundray.engine.arrays import from_utf8, to_scalar, to_texts
from groundray.engine.records import IntArray

_QUOTE, _BACKSLASH, _CLOSE = b'"\\]'
_FIRST_PLAIN = 0x20  # characters below it are escaped, too


TEXT, LONG_TEXT = pa.string(), pa.large_string()
"""Texts of up to 2 GB together, and of more."""


def joined(*pieces: str | pa.Array, kind: pa.DataType = TEXT) -> pa.Array:
    """`(N,)` texts: the pieces of each, one behind the other.

    Args:
        pieces: the same text for all, or `(N,)` texts, of which there is one array at least.
        kind: of the result.
    """
    columns: list[Any] = []
    for are_same, group in groupby(pieces, key=lambda piece: isinstance(piece, str)):
        neighbours = list(group)
        columns += [to_scalar("".join(neighbours), kind)] if are_same else neighbours
    columns = [column if column.type == kind else column.cast(kind) for column in columns]
    return pc.binary_join_element_wise(*columns, to_scalar("", kind))


def escaped(texts: pa.Array) -> pa.Array:
    """`(N,)` texts as they stand between the quotes of JSON."""
    if not len(texts):
        return texts
    offsets = np.frombuffer(texts.buffers()[1], dtype=np.int32)[texts.offset :]
    data = np.frombuffer(texts.buffers()[2] or b"", dtype=np.uint8)
    data = data[offsets[0] : offsets[len(texts)]]
    if not ((data < _FIRST_PLAIN) | (data == _QUOTE) | (data == _BACKSLASH)).any():
        return texts
    return from_utf8([orjson.dumps(text)[1:-1] for text in to_texts(texts)])


def escaped_text(text: str) -> str:
    """A text likewise."""
    return orjson.dumps(text)[1:-1].decode()


def concatenated(texts: pa.Array) -> memoryview:
    """The bytes of all texts of kind `LONG_TEXT`, one behind the other; they are not copied."""
    if not len(texts):
        return memoryview(b"")
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[texts.offset :]
    return memoryview(data or b"")[ends[0] : ends[len(texts)]]


def number_lists(numbers: NDArray[Any], offsets: IntArray) -> pa.Array:
    """`(N,)` JSON lists of lists of numbers, without the bracket that opens each.

    Args:
        numbers: `(M, K)`.
        offsets: `(N + 1,)` where the rows of each begin and end; one without rows is an empty text.
    """
    text = bytearray(orjson.dumps(np.ascontiguousarray(numbers), option=orjson.OPT_SERIALIZE_NUMPY))
    characters = np.frombuffer(text, dtype=np.uint8)
    closes = np.flatnonzero(characters == _CLOSE)[:-1]  # of each row; the last closes them all
    ends = np.concatenate([[1], closes + 2])[offsets]  # behind the comma
    characters[ends[1:] - 1] = _CLOSE
    buffers = [None, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)
