"""Reading images: one a row, in little memory, however the file is written."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from groundray.engine.sources import (
    RowImage,
    Source,
    iter_decoded,
    iter_images,
    open_source,
    read_keys,
)
from groundray.formats.errors import DamagedError
from tests.engine.sources import makers
from tests.engine.sources.images import content_of, data_of, record_images, row_images
from tests.engine.sources.rows import RANGES, break_column, sample_rows, write_rows

LARGE_IMAGE_BYTES = 512 << 10
PEAK = """
import pickle, sys, tracemalloc
import pyarrow as pa
from groundray.engine import sources

source = pickle.load(sys.stdin.buffer)
read, span = getattr(sources, sys.argv[1]), map(int, sys.argv[2:])
next(read(source, source.files[0], 0, 1))  # imports what is imported on first use
tracemalloc.start()
for batch in read(source, source.files[0], *span, batch_bytes=512 << 10):
    pass
print(pa.default_memory_pool().max_memory() + tracemalloc.get_traced_memory()[1])
"""


@pytest.mark.parametrize(("start", "stop"), RANGES)
@pytest.mark.parametrize("batch_bytes", [1, 400_000, 8 << 20])
def test_images_are_one_a_row_in_order_whatever_the_batch(
    start: int, stop: int, batch_bytes: int, tmp_path: Path
) -> None:
    source = write_rows(tmp_path, sample_rows())
    batches = list(iter_images(source, source.files[0], start, stop, batch_bytes=batch_bytes))
    assert all(batches)
    assert batch_bytes > 1 or [len(batch) for batch in batches] == [1] * (stop - start)
    images = [image for batch in batches for image in batch]
    assert data_of(images) == [p.data for p in makers.pictures()[start:stop]]


@pytest.mark.parametrize("batch_bytes", [1, 400_000, 8 << 20])
def test_the_image_of_a_run_of_rows_is_that_of_its_first_row(
    batch_bytes: int, tmp_path: Path
) -> None:
    made = makers.one_row_per_box()
    rows: list[dict[str, Any]] = made.table.to_pylist()
    seen = set()
    for row in rows:
        if row["image_id"] in seen:
            row["image"] = None
        seen.add(row["image_id"])
    table = pa.Table.from_pylist(rows, schema=made.table.schema)
    makers.write(table, tmp_path / "train.parquet", row_group_size=7)
    source = open_source([str(tmp_path)], classes=made.classes)
    assert source.layout.grouped
    (file,) = source.files
    decoded = list(iter_decoded(source, file, batch_bytes=1))
    assert all(batch.faults == () for batch in decoded)
    images = row_images(source, file, batch_bytes=batch_bytes)
    first = record_images(images, decoded)
    assert data_of(first) == [p.data for p in makers.pictures()]
    later = [image for image, row in zip(images, rows, strict=True) if row["image"] is None]
    assert len(later) == len(rows) - 16
    assert set(later) == {RowImage(None, None, "null_image")}


def test_images_of_a_range_of_grouped_rows_are_one_a_row(tmp_path: Path) -> None:
    made = makers.one_row_per_box()
    makers.write(made.table, tmp_path / "train.parquet", row_group_size=7)
    source = open_source([str(tmp_path)], classes=made.classes)
    (file,) = source.files
    keys = read_keys(source, file)
    start, stop = int(keys.row[3]), int(keys.row[9])
    for batch_bytes in (1, 8 << 20):
        images = row_images(source, file, start, stop, batch_bytes=batch_bytes)
        expected = [p.data for p in makers.pictures()[3:9] for _ in p.xyxy]
        assert data_of(images) == expected


def write_large_images(
    folder: Path, *, compression: str = "snappy", dictionary: bool = False
) -> Source:
    """48 images, 24 MiB, in a single row group, and in a single page or dictionary of it."""
    generator = np.random.default_rng(0)
    (picture, *_) = makers.pictures()
    box = {"bbox": picture.xyxy, "label": picture.names}
    rows = [
        {"image": {"bytes": generator.bytes(LARGE_IMAGE_BYTES), "path": None}, **box}
        for _ in range(48)
    ]
    schema = [
        ("image", makers.IMAGE),
        ("bbox", pa.list_(makers.BOX64)),
        ("label", pa.list_(pa.string())),
    ]
    pq.write_table(
        makers.table_of(schema, rows),
        folder / "train.parquet",
        compression=compression,
        use_dictionary=dictionary,
        dictionary_pagesize_limit=1 << 30,
    )
    return open_source([str(folder)], layout="voc")


def peak_bytes(source: Source, read: str, start: int, stop: int) -> int:
    """The most that Arrow and Python held, in a process of its own, which counts from nothing."""
    command = (sys.executable, "-c", PEAK, read, str(start), str(stop))
    done = subprocess.run(command, check=True, input=pickle.dumps(source), stdout=subprocess.PIPE)
    return int(done.stdout)


@pytest.mark.parametrize(("start", "stop"), [(0, 48), (40, 44), (47, 48)])
@pytest.mark.parametrize("compression", ["snappy", "none"])
@pytest.mark.parametrize("dictionary", [False, True])
def test_images_of_a_slice_of_a_large_page_take_little_memory(
    start: int, stop: int, compression: str, dictionary: bool, tmp_path: Path
) -> None:
    source = write_large_images(tmp_path, compression=compression, dictionary=dictionary)
    assert source.files[0].row_groups == (48,)
    assert len(row_images(source, source.files[0], start, stop)) == stop - start
    assert peak_bytes(source, "iter_images", start, stop) < 12 * LARGE_IMAGE_BYTES


def test_records_are_read_without_their_images(tmp_path: Path) -> None:
    source = write_large_images(tmp_path)
    assert sum(len(batch.records) for batch in iter_decoded(source, source.files[0])) == 48
    assert peak_bytes(source, "iter_decoded", 0, 48) < LARGE_IMAGE_BYTES


@pytest.mark.parametrize("image", [None, {"bytes": None, "path": None}])
def test_null_images_are_a_fault_of_the_image_alone(
    image: dict[str, None] | None, tmp_path: Path
) -> None:
    rows = sample_rows()
    rows[2]["image"] = image
    source = write_rows(tmp_path, rows)
    (batch,) = iter_decoded(source, source.files[0])
    assert batch.faults == ()
    assert batch.records.id == [str(p.id) for p in makers.pictures()]
    images = row_images(source, source.files[0])
    assert images.pop(2) == RowImage(None, None, "null_image")
    kept = [p.data for i, p in enumerate(makers.pictures()) if i != 2]
    assert data_of(images) == kept


def test_images_that_cannot_be_read_cost_only_themselves(tmp_path: Path) -> None:
    source = write_rows(tmp_path, sample_rows())
    break_column(tmp_path / "train.parquet", "image.bytes")
    assert sum(len(batch.records) for batch in iter_decoded(source, source.files[0])) == 16
    with pytest.raises(DamagedError, match=r"^train.parquet: cannot be read"):
        row_images(source, source.files[0])
    images = row_images(source, source.files[0], 5, 16)  # in other row groups
    assert data_of(images) == [p.data for p in makers.pictures()[5:]]


def test_annotations_that_cannot_be_read_leave_the_images(tmp_path: Path) -> None:
    source = write_rows(tmp_path, sample_rows())
    break_column(tmp_path / "train.parquet", "image_id")
    with pytest.raises(DamagedError, match=r"^train.parquet: cannot be read"):
        list(iter_decoded(source, source.files[0]))
    images = row_images(source, source.files[0])
    assert data_of(images) == [p.data for p in makers.pictures()]


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip", "brotli", "lz4"])
@pytest.mark.parametrize("dictionary", [False, True])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_images_are_the_same_however_their_file_is_written(
    compression: str, dictionary: bool, version: str, tmp_path: Path
) -> None:
    """Some rows hold an image, some name a file, some hold the image of the row before."""
    rows = sample_rows()
    (tmp_path / "images").mkdir()
    for i, row in enumerate(rows):
        if i % 5 == 1:
            name = f"images/{i}.jpg"
            (tmp_path / name).write_bytes(row["image"]["bytes"])
            row["image"] = {"bytes": None, "path": name}
        elif i % 5 == 2:
            row["image"] = {**rows[i - 2]["image"], "path": "no-such-file.jpg"}
    source = write_rows(
        tmp_path,
        rows,
        compression=compression,
        use_dictionary=dictionary,
        dictionary_pagesize_limit=1 << 30,
        data_page_version=version,
        row_group_size=7,
    )
    images = row_images(source, source.files[0])
    pictures = [p.data for p in makers.pictures()]
    expected = [pictures[i - 2] if i % 5 == 2 else data for i, data in enumerate(pictures)]
    assert [content_of(image) for image in images] == expected
    assert [i for i, image in enumerate(images) if image.data is None] == [1, 6, 11]
