"""Annotations to lines of `qwen3-vl` as one would by hand, quickly.

pyarrow reads a batch, numpy puts all of its boxes on the grid at once, and each row becomes a line.
Boxes are not looked at, nothing is counted or hashed, and no truth is written. A test holds that
the lines are ours.

python -m benchmarks.subjects.plain_lines DATA OUT
"""

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

BATCH_ROWS = 5_000
COLUMNS = ["image_id", "image", "width", "height", "objects.category", "objects.bbox"]
GRID = 1000
SYSTEM = {"role": "system", "content": "You are a helpful assistant."}
USER = {"role": "user", "content": "<image>Task: Object Detection"}


def examples(batch: Any, names: list[str]) -> Iterator[dict[str, Any]]:
    """Rows of a record batch without nulls, whose images are URLs, as examples."""
    import numpy as np

    objects = batch.column("objects")
    categories, boxes = objects.field("category"), objects.field("bbox")
    offsets = np.frombuffer(boxes.buffers()[1], dtype=np.int32)[boxes.offset :][: len(boxes) + 1]
    numbers = np.frombuffer(boxes.values.values.buffers()[1], dtype=np.float64)
    numbers = numbers.reshape(-1, 4)[boxes.values.offset + offsets[0] :][: offsets[-1] - offsets[0]]
    sides = [batch.column(name).to_numpy() for name in ("width", "height")]
    frames = np.repeat(np.stack(sides * 2, axis=1), np.diff(offsets), axis=0)
    grid = np.clip(np.rint(numbers / frames * GRID), 0, GRID).astype(np.int64).tolist()
    refs = [names[category] for category in categories.flatten().to_pylist()]
    named = ("image_id", "image", "width", "height")
    rows = zip(*(batch.column(name).to_pylist() for name in named), strict=True)
    spans = pairwise((offsets - offsets[0]).tolist())
    for (identity, url, width, height), (first, last) in zip(rows, spans, strict=True):
        answer = ", ".join(["<ref-object><bbox>"] * (last - first))
        yield {
            "messages": [SYSTEM, USER, {"role": "assistant", "content": answer}],
            "images": [url],
            "objects": {"ref": refs[first:last], "bbox": grid[first:last]},
            "id": str(identity),
            "width": width,
            "height": height,
        }


def main(data: Path, output: Path) -> None:
    """Converts every row of every train file, to one file."""
    import pyarrow.parquet as pq

    infos = orjson.loads((data / "dataset_infos.json").read_bytes())
    (info,) = infos.values()
    names = info["features"]["objects"]["feature"]["category"]["names"]
    output.mkdir(parents=True)
    with (output / "train.jsonl").open("wb") as lines:
        for path in sorted((data / "data").glob("train*.parquet")):
            file = pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
            for batch in file.iter_batches(BATCH_ROWS, columns=COLUMNS, use_threads=False):
                written = [orjson.dumps(each) for each in examples(batch, names)]
                lines.write(b"\n".join([*written, b""]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
