"""The sample's rows as a source of one file, and damage to it."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from groundray.engine.sources import Source, open_source
from tests.engine.sources import makers

RANGES = [(0, 16), (0, 1), (3, 7), (5, 10), (4, 16), (15, 16)]
"""Rows to read of the 16: all, across row groups of 5, within one, the last alone."""


def write_rows(folder: Path, rows: list[dict[str, Any]], **options: Any) -> Source:
    """Rows of the modern COCO layout; `options` are those of pyarrow's writer."""
    made = makers.coco_modern()
    table = pa.Table.from_pylist(rows, schema=made.table.schema)
    makers.write(table, folder / "train.parquet", features=made.features, **options)
    return open_source([str(folder)], layout="coco")


def sample_rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = makers.coco_modern().table.to_pylist()
    return rows


def rot(path: Path, data: bytes | bytearray) -> None:
    """Puts other bytes into a file as a bad disk does: nobody wrote it."""
    written = path.stat().st_mtime_ns
    path.write_bytes(data)
    os.utime(path, ns=(written, written))


def break_column(path: Path, name: str) -> None:
    """Overwrites the beginning of a column in the first row group."""
    data = path.read_bytes()
    group = pq.read_metadata(path).row_group(0)
    chunks = [group.column(i) for i in range(group.num_columns)]
    (chunk,) = [chunk for chunk in chunks if chunk.path_in_schema == name]
    offset = chunk.dictionary_page_offset or chunk.data_page_offset
    rot(path, data[:offset] + b"\xff" * 50 + data[offset + 50 :])
