"""Folders of predictions for benchmarks: boxes drawn at random, with COCO's density."""

from pathlib import Path

import numpy as np
import orjson

CLASSES = tuple(f"class {number}" for number in range(80))
TARGETS = 7.2
"""Targets an image: 36,000 in 5,000 images."""

_SIZES = ((640, 480), (640, 427), (500, 375), (1280, 720))


def make_predictions(folder: Path, *, images: int, per_image: int, shards: int, seed: int) -> None:
    """Writes a run as `groundray predict` leaves it; two seeds are two checkpoints on one set.

    Of the predictions a third lies on a target, nine in ten of those with its class; one in a
    hundred has an invented class.
    """
    split = folder / "val"
    split.mkdir(parents=True)
    for shard in range(shards):
        rows = range(shard * images // shards, (shard + 1) * images // shards)
        data = b"".join(_line(i, per_image, seed) for i in rows)
        (split / f"val-{shard:05d}-of-{shards:05d}.jsonl").write_bytes(data)
    manifest = {
        "classes": CLASSES,
        "checkpoint": f"checkpoint-{seed}",
        "format": "qwen3-vl",
        "task": "detection",
        "records": {"predicted": images},
    }
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest))


def _line(i: int, per_image: int, seed: int) -> bytes:
    rng, answer = np.random.default_rng(i), np.random.default_rng([i, seed])
    size = np.array(_SIZES[i % 4], dtype=np.float64)
    sides = np.tile(size, 2)
    count = int(rng.poisson(TARGETS))
    boxes, categories = _boxes(rng, count, size), rng.integers(0, 80, count)
    source = answer.integers(0, max(count, 1), per_image)
    hits = (answer.random(per_image) < 1 / 3) & (count > 0)
    said, names = _boxes(answer, per_image, size), answer.integers(0, 80, per_image)
    said[hits] = boxes[source[hits]] + answer.normal(0, 6, (int(hits.sum()), 4))
    named = hits & (answer.random(per_image) < 0.9)
    names[named] = categories[source[named]]
    invented = answer.random(per_image) < 0.01
    wire = np.rint(said / sides * 1000)
    predictions = [
        {
            "category": "blob" if blob else CLASSES[name],
            "xyxy": xyxy,
            "score": None,
            "wire": numbers,
        }
        for name, blob, xyxy, numbers in zip(
            names, invented, (wire / 1000 * sides).tolist(), wire.astype(int).tolist(), strict=True
        )
    ]
    targets = [
        {"category": CLASSES[name], "xyxy": xyxy, "area": None, "iscrowd": False}
        for name, xyxy in zip(categories, boxes.tolist(), strict=True)
    ]
    line = {
        "id": str(i + 1),
        "image": f"../../images/val-00000/{i + 1:012d}.jpg",
        "width": int(size[0]),
        "height": int(size[1]),
        "query": None,
        "targets": targets,
        "predictions": predictions,
        "text": "(123,456),(789,012)<|box_end|>" * per_image,
        "finish": "stop",
        "num_tokens": 20 * per_image,
        "issues": ["truncated"] if i % 50 == 0 else [],
        "error": None,
        "task": "detection",
        "geometry": "box",
        "format": "qwen3-vl",
        "checkpoint": f"checkpoint-{seed}",
    }
    return orjson.dumps(line) + b"\n"


def _boxes(
    rng: np.random.Generator, count: int, size: "np.ndarray[tuple[int], np.dtype[np.float64]]"
) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    corner = rng.uniform(0, 0.7, (count, 2)) * size
    sides = np.exp(rng.uniform(np.log(8), np.log(300), (count, 2)))
    return np.hstack([corner, np.minimum(corner + sides, size)])
