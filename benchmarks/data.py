"""Large data sets for benchmarks, made from the sample that ships: real images, cut anew."""

import io
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from benchmarks.bench import SAMPLE

BOXES_PER_ROW = 7

DISTINCT = 300
"""Images that are cut and encoded; rows beyond repeat their pixels, though not their bytes."""
IMAGE_BYTES = 150_000
"""What they have on average, as COCO's of 640x480 have; most within 40 KB of it."""

_IMAGE_SIZES = ((640, 480), (640, 480), (640, 427), (480, 640), (640, 640), (500, 375))
_QUALITIES = range(70, 101)
_LEAST_CROP = 0.8

SCHEMA = pa.schema(
    [
        ("image_id", pa.int64()),
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("width", pa.int64()),
        ("height", pa.int64()),
        (
            "objects",
            pa.struct(
                [
                    ("bbox_id", pa.list_(pa.int64())),
                    ("category", pa.list_(pa.int64())),
                    ("bbox", pa.list_(pa.list_(pa.float64(), 4))),
                    ("area", pa.list_(pa.float64())),
                ]
            ),
        ),
    ]
)
"""Of detection-datasets/coco."""

URL_SCHEMA = SCHEMA.set(1, pa.field("image", pa.string()))


def make_coco_like(folder: Path, *, rows: int, files: int, row_group_rows: int) -> None:
    """Writes `rows` natural images of about 150 KB, with their boxes moved a little.

    Images are crops of the sample's, mirrored or not, scaled to the sizes that COCO's have and
    encoded anew, so that they take as long to decode as real ones of their size in bytes. A JPEG
    comment of a few bytes tells copies apart.

    Args:
        folder: gets data/ and dataset_infos.json; left as it is where it exists.
        rows: in all.
        files: that they are spread over.
        row_group_rows: rows of a row group.
    """
    if folder.exists():
        return
    sample = [row for table in _sample_tables() for row in table.to_pylist()]
    pictures = [Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB") for row in sample]
    rng = np.random.default_rng(0)
    made = [
        _cut(pictures[i % len(sample)], sample[i % len(sample)], rng)
        for i in range(min(rows, DISTINCT))
    ]

    def row(index: int) -> dict[str, Any]:
        cut = made[int(rng.integers(len(made)))]
        return {
            **cut,
            "image_id": index,
            "image": {"bytes": _with_comment(cut["image"], index), "path": None},
            "objects": _moved(cut["objects"], (cut["width"], cut["height"]), rng),
        }

    _write(folder, SCHEMA, row, rows=rows, files=files, row_group_rows=row_group_rows)


def mean_image_bytes(folder: Path) -> float:
    """The mean size of the images that `make_coco_like` wrote, by the footers of its files."""
    files = [pq.ParquetFile(path).metadata for path in sorted((folder / "data").glob("*.parquet"))]
    groups = [file.row_group(i) for file in files for i in range(file.num_row_groups)]
    size = sum(
        column.total_uncompressed_size
        for group in groups
        for column in map(group.column, range(group.num_columns))
        if column.path_in_schema == "image.bytes"
    )
    return float(size / sum(file.num_rows for file in files))


def make_annotations(folder: Path, *, rows: int, files: int) -> None:
    """Writes `rows` rows of 7 boxes whose images are URLs: annotations alone."""
    if folder.exists():
        return
    rng = np.random.default_rng(0)
    (folder / "data").mkdir(parents=True)
    _copy_infos(folder)
    for file in range(files):
        first, last = file * rows // files, (file + 1) * rows // files
        table = _annotation_table(np.arange(first, last), rng)
        path = folder / f"data/train-{file:05d}-of-{files:05d}.parquet"
        pq.write_table(table, path, row_group_size=10_000)


def _annotation_table(ids: np.ndarray[Any, Any], rng: np.random.Generator) -> pa.Table:
    count = len(ids) * BOXES_PER_ROW
    corner = rng.uniform(0, [400, 300], (count, 2))
    size = rng.uniform(4, 200, (count, 2))
    xyxy = np.hstack([corner, np.minimum(corner + size, [640, 480])])
    offsets = pa.array(np.arange(len(ids) + 1, dtype=np.int32) * BOXES_PER_ROW)

    def lists(values: pa.Array) -> pa.Array:
        return pa.ListArray.from_arrays(offsets, values)

    objects = pa.StructArray.from_arrays(
        [
            lists(pa.array(np.arange(count))),
            lists(pa.array(rng.integers(0, 80, count))),
            lists(pa.FixedSizeListArray.from_arrays(pa.array(xyxy.reshape(-1)), 4)),
            lists(pa.array(size.prod(axis=1))),
        ],
        fields=list(SCHEMA.field("objects").type),
    )
    urls = pa.array([f"http://images.example/{identity:012d}.jpg" for identity in ids.tolist()])
    wide, high = pa.array(np.full(len(ids), 640)), pa.array(np.full(len(ids), 480))
    return pa.table([pa.array(ids), urls, wide, high, objects], schema=URL_SCHEMA)


def _write(
    folder: Path, schema: pa.Schema, row: Any, *, rows: int, files: int, row_group_rows: int
) -> None:
    (folder / "data").mkdir(parents=True)
    _copy_infos(folder)
    for file in range(files):
        first, last = file * rows // files, (file + 1) * rows // files
        path = folder / f"data/train-{file:05d}-of-{files:05d}.parquet"
        with pq.ParquetWriter(path, schema, use_dictionary=False) as writer:
            for start in range(first, last, row_group_rows):
                stop = min(start + row_group_rows, last)
                table = pa.Table.from_pylist([row(i) for i in range(start, stop)], schema=schema)
                writer.write_table(table, row_group_size=row_group_rows)


def _sample_tables() -> Iterator[pa.Table]:
    for path in sorted((SAMPLE / "data").glob("train-*.parquet")):
        yield pq.read_table(path)


def _copy_infos(folder: Path) -> None:
    (folder / "dataset_infos.json").write_bytes((SAMPLE / "dataset_infos.json").read_bytes())


def _cut(picture: Image.Image, row: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """A crop of one image that keeps at least one of its boxes, with those that it keeps."""
    while True:
        image_size = np.array(_IMAGE_SIZES[int(rng.integers(len(_IMAGE_SIZES)))])
        most = (np.array(picture.size) / image_size).min()
        crop = image_size * most * rng.uniform(_LEAST_CROP, 1)
        corner = rng.uniform(0, 1, 2) * (picture.size - crop)
        xyxy = np.array(row["objects"]["bbox"]).reshape(-1, 2, 2)
        xyxy = np.clip((xyxy - corner) / crop * image_size, 0, image_size)
        mirrored = bool(rng.integers(2))
        if mirrored:
            xyxy[:, :, 0] = image_size[0] - xyxy[:, ::-1, 0]
        kept = (xyxy[:, 1] - xyxy[:, 0] > 8).all(axis=1)
        if kept.any():
            break
    area = tuple(np.hstack([corner, corner + crop]).tolist())
    width, height = image_size.tolist()
    cut = picture.resize((width, height), Image.Resampling.LANCZOS, box=area)
    if mirrored:
        cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    objects = {
        "bbox_id": list(range(int(kept.sum()))),
        "category": np.array(row["objects"]["category"])[kept].tolist(),
        "bbox": xyxy[kept].reshape(-1, 4).tolist(),
    }
    aim = int(IMAGE_BYTES + rng.integers(-40_000, 40_000))
    return {"width": width, "height": height, "image": _encode(cut, aim), "objects": objects}


def _encode(picture: Image.Image, aim: int) -> bytes:
    """The JPEG whose size in bytes comes nearest, of all qualities."""
    reaches = bisect_left(_QUALITIES, aim, key=lambda quality: len(_jpeg(picture, quality)))
    near = _QUALITIES[max(reaches - 1, 0) : reaches + 1]
    return min((_jpeg(picture, quality) for quality in near), key=lambda jpeg: abs(len(jpeg) - aim))


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality, subsampling=0)  # 4:4:4, as COCO's
    return file.getvalue()


def _with_comment(jpeg: bytes, index: int) -> bytes:
    """The JPEG with a number in a comment segment behind its SOI."""
    return jpeg[:2] + b"\xff\xfe\x00\x0a" + index.to_bytes(8, "big") + jpeg[2:]


def _moved(
    objects: dict[str, Any], image_size: tuple[int, int], rng: np.random.Generator
) -> dict[str, Any]:
    boxes = np.array(objects["bbox"]).reshape(-1, 4) + rng.uniform(-3, 3, (1, 4))
    low = np.clip(np.minimum(boxes[:, :2], boxes[:, 2:]), 0, np.array(image_size) - 2)
    high = np.clip(np.maximum(boxes[:, :2], boxes[:, 2:]), low + 1, image_size)
    area = (high - low).prod(axis=1) * 0.7  # a segment's, as in the real set
    return {**objects, "bbox": np.hstack([low, high]).tolist(), "area": area.tolist()}
