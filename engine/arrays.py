"""Arrow arrays from numpy and from text, and back, without pandas.

`pa.array`, `pa.scalar` and `Array.to_numpy` import pandas where it is installed: 30 MB, and 0.3 s
of start.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.types as pt
from numpy.typing import NDArray

from groundray.engine.records import BoolArray

_DTYPES: dict[pa.DataType, np.dtype[Any]] = {  # `to_pandas_dtype` would import pandas, too
    pa.from_numpy_dtype(kind): np.dtype(kind)
    for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
}


def to_numpy(array: pa.Array) -> NDArray[Any]:
    """The values of an array of numbers or booleans; what stands where it is null is not defined.

    A read-only view on Arrow's memory for numbers. (`Array.to_numpy` would import pandas.)
    """
    data = array.buffers()[1]
    if pt.is_boolean(array.type):
        bits = np.frombuffer(data, dtype=np.uint8)
        flags = np.unpackbits(bits, bitorder="little")
        return flags[array.offset : array.offset + len(array)].astype(np.bool_)
    dtype = _DTYPES[array.type]
    if data is None or len(array) == 0:
        return np.zeros(len(array), dtype=dtype)
    return np.frombuffer(data, dtype=dtype, count=len(array), offset=array.offset * dtype.itemsize)


def from_numpy(values: NDArray[Any], is_null: BoolArray | None = None) -> pa.Array:
    """An array of `(N,)` numbers or booleans.

    Args:
        values: shared with the array where they are numbers, so they must not change.
        is_null: `(N,)` where it is null instead; None for nowhere.
    """
    if values.dtype == np.bool_:
        kind, data = pa.bool_(), np.packbits(values, bitorder="little")
    else:
        kind, data = pa.from_numpy_dtype(values.dtype), np.ascontiguousarray(values)
    return pa.Array.from_buffers(kind, len(values), [_validity(is_null), pa.py_buffer(data)])


def to_texts(array: pa.Array) -> list[str | None]:
    """Text of an array; several times faster than `to_pylist` where nothing is null."""
    if pt.is_null(array.type):
        return [None] * len(array)
    if array.null_count or not len(array):
        texts: list[str | None] = array.to_pylist()
        return texts
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int32)
    ends = offsets[array.offset : array.offset + len(array) + 1].tolist()
    data = memoryview(array.buffers()[2] or b"")[ends[0] : ends[-1]].tobytes()
    text = data.decode()
    if len(text) != len(data):  # not ASCII: offsets count bytes, not characters
        first = ends[0]
        return [data[a - first : b - first].decode() for a, b in pairwise(ends)]
    if ends[0]:
        ends = [end - ends[0] for end in ends]
    return [text[a:b] for a, b in pairwise(ends)]


def from_texts(texts: Sequence[str | None]) -> pa.Array:
    """An array of text.

    Raises:
        UnicodeEncodeError: a text holds half a character.
    """
    num_null = texts.count(None)
    if texts and num_null == len(texts):
        return pa.nulls(len(texts), pa.string())
    is_null, known = None, cast("Sequence[str]", texts)
    if num_null:
        is_null = np.array([text is None for text in texts])
        known = [text or "" for text in texts]
    data = "".join(known).encode()
    ends = np.zeros(len(texts) + 1, dtype=np.int32)
    np.cumsum(_lengths(known), out=ends[1:])
    if ends[-1] != len(data):  # not ASCII: these count characters, not bytes
        np.cumsum(_lengths([text.encode() for text in known]), out=ends[1:])
    buffers = [_validity(is_null), pa.py_buffer(ends), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


@lru_cache(maxsize=64)  # the same few are asked for with every batch
def to_scalar(text: str, kind: pa.DataType) -> pa.Scalar:
    """A text that stands for as many as are needed, of a type of text."""
    return from_texts([text]).cast(kind)[0]


def from_utf8(texts: Sequence[bytes]) -> pa.Array:
    """An array of text that is encoded already."""
    ends = np.zeros(len(texts) + 1, dtype=np.int32)
    np.cumsum(_lengths(texts), out=ends[1:])
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def _lengths(texts: Sequence[str] | Sequence[bytes]) -> NDArray[np.int32]:
    return np.fromiter(map(len, texts), dtype=np.int32, count=len(texts))


def _validity(is_null: BoolArray | None) -> pa.Buffer | None:
    return None if is_null is None else pa.py_buffer(np.packbits(~is_null, bitorder="little"))
