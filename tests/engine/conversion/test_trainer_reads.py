"""PaddleFormers' own reader, in a process of its own, takes every example that was written."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.engine.coco import rows, write
from tests.engine.conversion.test_convert import examples, run, without_boxes

FORMATS = ["ernie-4.5-vl", "glm-4.5v", "qwen3-vl", "qwen3-vl-json"]

READ = """
import json, os, sys
from paddleformers.datasets.reader.file_reader import FileListReader
for folder in sys.argv[1:]:
    read = [*iter(FileListReader(folder, "messages", template_backend="custom"))]
    for example in read:
        assert all(os.path.isfile(path) for path in example["images"]), example["images"]
    print("READ", json.dumps(read))
"""


def read_by_trainer(folders: list[Path]) -> list[list[dict[str, Any]]]:
    done = subprocess.run(
        [sys.executable, "-c", READ, *map(str, folders)], check=True, capture_output=True, text=True
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("READ ")]
    return [json.loads(line.removeprefix("READ ")) for line in lines]


def test_as_many_examples_are_read_as_the_manifest_says(tmp_path: Path) -> None:
    made = rows(14)
    made[1] = without_boxes(made[1])
    made[2] = {**made[2], "image": None}
    source = write(tmp_path / "in", {"train": made})
    output = tmp_path / "out"
    manifest = run(source, output, formats=FORMATS, rows_per_shard=4, keep_empty=True)
    read_by_format = read_by_trainer([output / f"{name}/train" for name in FORMATS])
    for name, read in zip(FORMATS, read_by_format, strict=True):
        assert manifest.formats[name].examples == len(read) == 13
        answers = {e["id"]: e["messages"][-1]["content"] for e in examples(output, name)}
        assert {e["id"]: e["messages"][-1]["content"] for e in read} == answers
