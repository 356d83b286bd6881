"""Tables of any columns at all, whose layout is then looked for."""

import io
import math
import tempfile
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pt
from PIL import Image

from groundray.engine.sources import iter_decoded, iter_images, open_source, read_keys
from groundray.engine.sources.byte_stream import NotStreamedError
from groundray.engine.sources.pages import BinaryColumn
from groundray.formats.errors import SourceError
from tests.fuzz.texts import WORDS

_COLUMNS = (
    *("image", "image_id", "id", "file_name", "width", "height", "objects", "bbox", "category"),
    *(
        "label",
        "label_id",
        "annotations",
        "xmin",
        "ymin",
        "xmax",
        "ymax",
        "area",
        "iscrowd",
        "path",
    ),
    *(
        "bytes",
        "sentences",
        "raw",
        "question",
        "question_id",
        "answer",
        "caption",
        "boxes",
        "split",
    ),
    *("x", "y", "w", "h", "", ".", "a.b", 'a"b', "羊", "image\n", "list", "element", "key"),
)


def layout_of_schema(rng: Random) -> None:
    """Any table is read as something, or refused; and what it holds is read, or named as faulty."""
    names = rng.sample(_COLUMNS, rng.randint(1, 8))
    rows = rng.choice((0, 1, 3, 20))
    types = [_any_type(rng, 0) for _ in names]
    columns = [pa.array([_any_value(rng, type_) for _ in range(rows)], type_) for type_ in types]
    with tempfile.TemporaryDirectory() as folder:
        place = f"{folder}/train.parquet"
        try:
            pq.write_table(pa.table(columns, names=names), place)
        except (pa.ArrowException, ValueError):  # pyarrow writes no such type
            return
        try:
            source = open_source(place)
            for file in source.files:
                read_keys(source, file)
                for decoded in iter_decoded(source, file):
                    assert len(decoded.records) + len(decoded.faults) == len(decoded.keys)
                assert sum(map(len, iter_images(source, file))) == rows
        except SourceError:
            return


def image_pages(rng: Random) -> None:
    """What is read of a damaged column of bytes is what pyarrow reads, where that reads it."""
    values = [rng.choice((None, rng.randbytes(rng.choice((0, 3, 200, 5_000))))) for _ in range(20)]
    values += [value for value in values[-1:] for _ in range(rng.choice((0, 0, 3)))]
    file = io.BytesIO()
    pq.write_table(
        pa.table({"image": pa.array(values, pa.binary())}),
        file,
        compression=rng.choice(("snappy", "none")),
        use_dictionary=rng.random() < 0.5,
        data_page_version=rng.choice(("1.0", "2.0")),
        data_page_size=rng.choice((100, 10_000, 1 << 20)),
        write_batch_size=rng.choice((1, 6, 1024)),
    )
    data = bytearray(file.getvalue())
    metadata = pq.read_metadata(io.BytesIO(data))
    end = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for _ in range(rng.choice((0, 1, 1, 2, 5))):
        data[rng.choice((rng.randrange(4, end), rng.randrange(4, min(end, 60))))] = rng.choice(
            (0, 1, 127, 128, 255, rng.randrange(256))
        )
    column = BinaryColumn(io.BytesIO(data), metadata, 0, 0)
    first = rng.choice((0, 0, 1, len(values) - 1))
    try:
        streamed = [value and bytes(value) for value in column.iter_values(first)]
    except NotStreamedError:
        return
    try:
        read = pq.read_table(io.BytesIO(data))["image"].to_pylist()
    except (pa.ArrowException, OSError):
        return  # it reads more: pages before `first`, and fields that tell us nothing
    assert streamed == read[first:]


@cache
def jpegs() -> tuple[bytes, ...]:
    """Small ones of every kind that our own reader of headers takes, and one that it does not."""
    made = []
    for mode, size in (("RGB", (33, 17)), ("L", (1, 300)), ("CMYK", (8, 8)), ("RGB", (300, 5))):
        for progressive in (False, True):
            for orientation in (1, 6):
                exif = Image.Exif()
                exif[0x0112] = orientation
                file = io.BytesIO()
                picture = Image.radial_gradient("L").resize(size).convert(mode)
                picture.save(file, "JPEG", progressive=progressive, exif=exif, comment=b"x" * 50)
                made.append(file.getvalue())
    return tuple(made)


def _any_type(rng: Random, depth: int) -> pa.DataType:
    plain = (
        *(pa.string(), pa.large_string(), pa.binary(), pa.int64(), pa.int8(), pa.uint64()),
        *(pa.float64(), pa.float32(), pa.float16(), pa.bool_(), pa.null(), pa.date32()),
        *(pa.timestamp("us"), pa.decimal128(10, 2), pa.binary(4), pa.list_(pa.float64())),
        *(pa.list_(pa.float32(), 4), pa.list_(pa.list_(pa.float64())), pa.duration("s")),
        *(pa.struct([("bytes", pa.binary()), ("path", pa.string())]), pa.list_(pa.int64())),
        pa.dictionary(pa.int32(), pa.string()),
    )
    if depth > 2 or rng.random() < 0.6:
        return rng.choice(plain)
    kind = rng.random()
    if kind < 0.5:
        names = rng.sample(_COLUMNS, rng.randint(1, 4))
        return pa.struct([(name, _any_type(rng, depth + 1)) for name in names])
    if kind < 0.9:
        return pa.list_(_any_type(rng, depth + 1))
    return pa.map_(pa.string(), _any_type(rng, depth + 1))


def _any_value(rng: Random, type_: pa.DataType) -> Any:
    if rng.random() < 0.1:
        return None
    for holds, make in _VALUES:
        if holds(type_):
            return make(rng, type_)
    return None


def _struct(rng: Random, type_: pa.DataType) -> Any:
    fields = (type_.field(i) for i in range(type_.num_fields))
    return {field.name: _any_value(rng, field.type) for field in fields}


def _map(rng: Random, type_: pa.DataType) -> Any:
    return [(word, _any_value(rng, type_.item_type)) for word in WORDS[: rng.randint(0, 2)]]


def _list(rng: Random, type_: pa.DataType) -> Any:
    fixed = pt.is_fixed_size_list(type_)
    count = type_.list_size if fixed else rng.choice((0, 1, 4, 4, 8))
    return [_any_value(rng, type_.value_type) for _ in range(count)]


def _text(rng: Random, type_: pa.DataType) -> Any:
    del type_
    return rng.choice((*WORDS, "a.jpg", "../a.jpg", "xywh", ""))


def _binary(rng: Random, type_: pa.DataType) -> Any:
    if pt.is_fixed_size_binary(type_):
        return rng.randbytes(type_.byte_width)
    return rng.choice((*jpegs(), b"", b"\xff\xd8"))


def _float(rng: Random, type_: pa.DataType) -> Any:
    value = rng.choice((0.0, 0.5, 1.0, 10.0, 500.0, -1.0, math.nan, math.inf, 1e300))
    return np.float16(min(value, 1e4)) if pt.is_float16(type_) else value


def _integer(rng: Random, type_: pa.DataType) -> Any:
    del type_
    return rng.choice((0, 1, 2, 5, 90, 100))


_VALUES: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Random, pa.DataType], Any]], ...] = (
    (pt.is_struct, _struct),
    (pt.is_map, _map),
    (pt.is_list, _list),
    (pt.is_fixed_size_list, _list),
    (pt.is_dictionary, _text),
    (pt.is_string, _text),
    (pt.is_large_string, _text),
    (pt.is_binary, _binary),
    (pt.is_fixed_size_binary, _binary),
    (pt.is_boolean, lambda rng, type_: rng.random() < 0.5),
    (pt.is_floating, _float),
    (pt.is_integer, _integer),
    (pt.is_temporal, _integer),
)
