"""Folders of predictions, as `groundray predict` leaves them."""

from collections.abc import Sequence
from pathlib import Path

import orjson

from tests.engine.scoring.made import CLASSES, Line


def write_predictions(
    folder: Path,
    lines: Sequence[Line],
    *,
    shards: int = 1,
    checkpoint: str = "checkpoint-1",
    classes: Sequence[str] | None = CLASSES,
) -> Path:
    """Writes lines over some shards; without classes there is no manifest."""
    split = folder / "val"
    split.mkdir(parents=True)
    for shard in range(shards):
        own = lines[shard * len(lines) // shards : (shard + 1) * len(lines) // shards]
        data = b"".join(orjson.dumps(each) + b"\n" for each in own)
        (split / f"val-{shard:05d}-of-{shards:05d}.jsonl").write_bytes(data)
    if classes is not None:
        manifest = {
            "classes": list(classes),
            "checkpoint": checkpoint,
            "format": "qwen3-vl",
            "task": "detection",
            "records": {"predicted": len(lines)},
        }
        (folder / "manifest.json").write_bytes(orjson.dumps(manifest))
    return folder
