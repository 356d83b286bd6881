"""Every family's training text of one data set, read back by its own parser."""

import json
from pathlib import Path

import pytest

from groundray.engine import Manifest, Runner, convert
from groundray.formats import Rendered, format_names, get_format
from groundray.formats.trainer import trained_text
from tests.engine.coco import SAMPLE

NAMES = format_names()


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    output = tmp_path_factory.mktemp("every-format")
    return output, convert(str(SAMPLE), str(output), formats=NAMES, runner=Runner("local"))


def test_all_formats_are_written_in_one_run(converted: tuple[Path, Manifest]) -> None:
    assert converted[1].boxes.written == 111
    assert sum(converted[1].records.rejected.values()) == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_line_reads_back(converted: tuple[Path, Manifest], name: str) -> None:
    lines = [
        line
        for shard in (converted[0] / name).rglob("*.jsonl")
        for line in shard.read_text("utf-8").splitlines()
    ]
    boxes = 0
    for example in map(json.loads, lines):
        assistant = example["messages"][-1]["content"]
        answer = get_format(name).parse(trained_text(Rendered(assistant, example.get("objects"))))
        assert answer.issues == ()
        boxes += len(answer.objects)
    assert (len(lines), boxes) == (16, 111)
