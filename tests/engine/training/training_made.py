"""Data to train on, as `convert` writes it, and plans of trainings; made for tests."""

import json
from pathlib import Path
from typing import Any

from PIL import Image

from groundray.engine.training.train import Training, plan_training

ANSWER = "<ref-object><bbox>"
QUESTION = "<image>Task: Object Detection"


def example(image: str, **other: Any) -> dict[str, Any]:
    """A line of training jsonl: one image of 200 x 100 with a box of 40 x 20 pixels."""
    made = {
        "messages": [
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": ANSWER},
        ],
        "images": [image],
        "objects": {"ref": ["cat"], "bbox": [[100, 100, 300, 300]]},
        "id": Path(image).stem,
        "width": 200,
        "height": 100,
    }
    return made | other


def write_data(
    folder: Path, *, train: int = 3, val: int = 1, shards: int = 1, name: str = "qwen3-vl"
) -> Path:
    """Writes a converted folder without a manifest; returns that of the format."""
    images = folder / "images"
    images.mkdir(parents=True)
    for split, count in (("train", train), ("val", val)):
        for shard in range(shards if count else 0):
            lines = []
            for number in range(shard, count, shards):
                file = images / f"{split}-{number}.jpg"
                Image.new("RGB", (200, 100), (number, 0, 0)).save(file)
                lines.append(example(f"../../images/{file.name}"))
            write_shard(folder / name / split / f"{split}-{shard:05d}-of-{shards:05d}.jsonl", lines)
    return folder / name


def write_inline(folder: Path, *, name: str) -> Path:
    """The same in another format, whose answers are text without placeholders."""
    data = write_data(folder, train=4, val=2, name=name)
    for shard in data.rglob("*.jsonl"):
        lines = [json.loads(line) for line in shard.read_text().splitlines()]
        for line in lines:
            line["messages"][1]["content"] = '[{"label": "cat", "bbox_2d": [100, 100, 300, 300]}]'
            del line["objects"]
        write_shard(shard, lines)
    return data


def write_shard(path: Path, lines: list[Any]) -> None:
    """Writes examples, or text as it stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts))


def plan(data: Path, output: Path, **options: Any) -> Training:
    """A training's plan, of a model that is a name unless another is given."""
    options = {"model": "Qwen/Qwen3-VL-8B-Instruct"} | options
    return plan_training(str(data), str(output), **options)
