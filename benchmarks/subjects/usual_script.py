"""The usual single-process conversion script, written again to measure against.

It does what such scripts do: reads each file whole into pandas, decodes every image with Pillow and
saves it as JPEG anew, normalises box by box in Python, and dumps one line a row with json.

python -m benchmarks.subjects.usual_script DATA OUT
"""

import io
import json
import sys
from pathlib import Path
from typing import Any

GRID = 1000


def normalise(bbox: list[float], width: int, height: int) -> list[int]:
    """One box on the 0 to 1000 grid, half to even, clamped."""
    x1, y1, x2, y2 = bbox
    numbers = (x1 / width, y1 / height, x2 / width, y2 / height)
    return [max(0, min(GRID, round(number * GRID))) for number in numbers]


def convert_row(row: Any, names: list[str], images: Path) -> dict[str, Any] | None:
    """Saves the image and returns the example, or None for a row without a known category."""
    from PIL import Image

    image = Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB")
    file_name = f"{row['image_id']:012d}.jpg"
    image.save(images / file_name)
    refs, boxes = [], []
    for category, bbox in zip(row["objects"]["category"], row["objects"]["bbox"], strict=True):
        if 0 <= category < len(names):
            refs.append(names[category])
            boxes.append(normalise(bbox, image.width, image.height))
    if not refs:
        return None
    return {
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "<image>Task: Object Detection"},
            {"role": "assistant", "content": ", ".join(["<ref-object><bbox>"] * len(refs))},
        ],
        "images": [f"images/{file_name}"],
        "objects": {"ref": refs, "bbox": boxes},
    }


def main(data: Path, output: Path) -> None:
    """Converts every row of every train file."""
    import pyarrow.parquet as pq

    infos = json.loads((data / "dataset_infos.json").read_text())
    (info,) = infos.values()
    names = info["features"]["objects"]["feature"]["category"]["names"]
    images = output / "images"
    images.mkdir(parents=True)
    with (output / "train.jsonl").open("w", encoding="utf-8") as lines:
        for path in sorted((data / "data").glob("train*.parquet")):
            for _, row in pq.read_table(path).to_pandas().iterrows():
                example = convert_row(row, names, images)
                if example is not None:
                    lines.write(json.dumps(example, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
