"""Data sets that mean harm."""

import io
import json
import os
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from groundray.engine.cli import main

NASTY = (
    *("../../escape", "/etc/passwd", "file:///etc/passwd", "a\\b", "nul\x00", "new\nline", "."),
    *("line\u2028break", "\u202eright to left", "\x1b[31mred\x1b]0;title\x07", "\x9b31m", "\x85"),
    *("Case", "case", "CASE", "\u00e9", "e\u0301", "con", "x" * 10_000, "-rf", "%2e%2e%2f", ".."),
    *("<script>window.broken = 1</script>", "'\"><img src=x onerror='window.broken = 2'>"),
    *("[/bold]", "a/../b", "file\u200e.jpg", "</textarea>", "{classes}"),
)
"""Ids and class names that lead elsewhere, steer terminals, break pages or look alike."""

STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What must not reach a terminal."""

_SCHEMA = pa.schema(
    [
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("image_id", pa.string()),
        ("width", pa.int64()),
        ("height", pa.int64()),
        (
            "objects",
            pa.struct(
                [
                    ("bbox", pa.list_(pa.list_(pa.float64()))),
                    ("category", pa.list_(pa.string())),
                ]
            ),
        ),
    ]
)


@cache
def jpeg() -> bytes:
    """An image of 64 x 48 pixels."""
    file = io.BytesIO()
    Image.radial_gradient("L").resize((64, 48)).convert("RGB").save(file, "JPEG")
    return file.getvalue()


def row(
    id_: str,
    *,
    category: str = "cat",
    data: bytes | None = None,
    path: str | None = None,
    bbox: Sequence[Sequence[float]] = ((1.0, 2.0, 30.0, 40.0),),
) -> dict[str, Any]:
    """One image with its boxes; its bytes are those of `jpeg()` unless there is a path."""
    data = jpeg() if data is None and path is None else data
    return {
        "image": {"bytes": data, "path": path},
        "image_id": id_,
        "width": 64,
        "height": 48,
        "objects": {"bbox": bbox, "category": [category] * len(bbox)},
    }


def write(rows: Sequence[dict[str, Any]], path: Path, **options: Any) -> Path:
    """Writes a parquet file; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=_SCHEMA), path, **options)
    return path


def run(*arguments: object) -> int:
    """Runs a command in this process; its exit status."""
    return main([str(argument) for argument in arguments])


def convert(data: Path, output: Path, *options: object, formats: str = "qwen3-vl") -> int:
    """Converts on the local runner, however much is rejected."""
    return run(
        *("convert", data, output, "--format", formats, "--layout", "voc", "--runner", "local"),
        *("--max-reject-ratio", 1, *options),
    )


def manifest(output: Path) -> dict[str, Any]:
    """The manifest of a run."""
    fields: dict[str, Any] = json.loads((output / "manifest.json").read_text())
    return fields


def rejects(output: Path) -> dict[str, str]:
    """Id to reason of what was rejected for every format."""
    lines = [
        json.loads(line)
        for file in sorted((output / "rejects").glob("*.jsonl"))
        for line in file.read_text().splitlines()
    ]
    return {line["id"]: line["reason"] for line in lines}


def snapshot(folder: Path, *, but: Sequence[Path] = ()) -> dict[str, tuple[int, int]]:
    """Everything below a folder, with sizes and times of change; `but` is left out."""
    found = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if Path(place, name) not in but]
        for name in (*folders, *names):
            state = Path(place, name).lstat()
            found[str(Path(place, name))] = (state.st_size, state.st_mtime_ns)
    return found
