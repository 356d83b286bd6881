"""Data sets in the schema of detection-datasets/coco, made from the sample that ships."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SAMPLE = Path(__file__).parents[1] / "data/coco_small_ccby"

Row = dict[str, Any]


@cache
def _sample_table() -> pa.Table:
    return pa.concat_tables(pq.read_table(path) for path in sorted((SAMPLE / "data").glob("*")))


def rows(count: int, *, first_id: int = 1000) -> list[Row]:
    """`count` rows with ids from `first_id` on; image bytes and boxes are the sample's."""
    table = _sample_table()
    made = [table.slice(i % len(table), 1).to_pylist()[0] for i in range(count)]
    for i, row in enumerate(made):
        row["image_id"] = first_id + i
    return made


def with_box(row: Row, index: int, xyxy: Sequence[float]) -> Row:
    """The row with another box in one place."""
    boxes = [*row["objects"]["bbox"]]
    boxes[index] = list(xyxy)
    return {**row, "objects": {**row["objects"], "bbox": boxes}}


def num_boxes(table_rows: Sequence[Row]) -> int:
    return sum(len(row["objects"]["category"]) for row in table_rows if row["objects"])


def write(folder: Path, files: Mapping[str, Sequence[Row]], *, row_group_rows: int = 1000) -> Path:
    """Writes data/NAME.parquet for each name, and dataset_infos.json beside."""
    (folder / "data").mkdir(parents=True)
    (folder / "dataset_infos.json").write_bytes((SAMPLE / "dataset_infos.json").read_bytes())
    for name, content in files.items():
        table = pa.Table.from_pylist(list(content), schema=_sample_table().schema)
        path = folder / f"data/{name}.parquet"
        # without a dictionary, as images that all differ come out: they fill pages of about 1 MB
        pq.write_table(table, path, row_group_size=row_group_rows, use_dictionary=False)
    return folder


def tree(root: Path) -> dict[str, bytes]:
    """Every file below a folder but the run's own, with its bytes."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".groundray" not in path.relative_to(root).parts
    }
