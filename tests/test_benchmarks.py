"""The benchmarks run, and what they compare does the same work."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from benchmarks.data import IMAGE_BYTES, make_annotations, make_coco_like, mean_image_bytes
from benchmarks.subjects import floor, plain_lines, usual_script
from groundray.engine import Runner, convert

ROWS = 20


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmarks") / "data"
    make_coco_like(folder, rows=ROWS, files=2, row_group_rows=5)
    return folder


@pytest.fixture(scope="module")
def converted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmarks") / "converted"
    convert(str(data), str(folder), formats=["qwen3-vl"], runner=Runner("local"))
    return folder


def test_images_are_natural_ones_of_150_kb_that_all_differ(data: Path) -> None:
    rows = pq.read_table(data / "data").to_pylist()
    images = [row["image"]["bytes"] for row in rows]
    assert len(set(images)) == ROWS
    assert mean_image_bytes(data) == pytest.approx(np.mean(list(map(len, images))), rel=0.01)
    assert mean_image_bytes(data) == pytest.approx(IMAGE_BYTES, rel=0.15)
    for row, image in zip(rows, images, strict=True):
        pixels = np.asarray(Image.open(io.BytesIO(image)))
        assert pixels.shape == (row["height"], row["width"], 3)
        assert 0.25 < len(image) / (row["height"] * row["width"]) < 1.1  # COCO's: about 0.5


def test_boxes_lie_in_their_images(data: Path) -> None:
    for row in pq.read_table(data / "data").to_pylist():
        xyxy = np.array(row["objects"]["bbox"])
        assert (xyxy[:, :2] < xyxy[:, 2:]).all()
        assert (xyxy >= 0).all()
        assert (xyxy[:, 2:] <= [row["width"], row["height"]]).all()


def test_the_usual_script_writes_the_boxes_that_we_write(
    data: Path, converted: Path, tmp_path: Path
) -> None:
    usual_script.main(data, tmp_path)
    theirs = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    ours = [
        json.loads(line)
        for shard in sorted(converted.glob("qwen3-vl/train/*.jsonl"))
        for line in shard.read_text().splitlines()
    ]
    assert [each["objects"] for each in ours] == [each["objects"] for each in theirs]
    assert len(ours) == ROWS


def test_the_floor_writes_the_image_files_that_we_write(
    data: Path, converted: Path, tmp_path: Path
) -> None:
    floor.main(data, tmp_path / "out", processes=1, hashed=False)
    assert _images(tmp_path / "out") == _images(converted / "images")
    assert len(_images(tmp_path / "out")) == ROWS


def test_lines_by_hand_are_those_that_we_write(tmp_path: Path) -> None:
    make_annotations(tmp_path / "data", rows=12_000, files=2)
    places = str(tmp_path / "data"), str(tmp_path / "ours")
    convert(*places, formats=["qwen3-vl"], images="reference", runner=Runner("local"))
    shards = sorted((tmp_path / "ours/qwen3-vl/train").glob("*.jsonl"))
    plain_lines.main(tmp_path / "data", tmp_path / "by_hand")
    by_hand = (tmp_path / "by_hand/train.jsonl").read_bytes()
    assert by_hand == b"".join(shard.read_bytes() for shard in shards)


def _images(folder: Path) -> dict[str, bytes]:
    return {image.name: image.read_bytes() for image in folder.glob("*/*.jpg")}


def test_a_quick_run_prints_a_table_with_figures(tmp_path: Path) -> None:
    out = tmp_path / "tables.md"
    command = [sys.executable, "-m", "benchmarks", "plan", "--quick"]
    done = subprocess.run(
        [*command, "--work", str(tmp_path), "--out", str(out)],
        cwd=Path(__file__).parents[1],
        check=True,
        capture_output=True,
        text=True,
    )
    title, setting, _, table = out.read_text().strip().split("\n\n")
    assert out.read_text().strip() == done.stdout.strip()
    assert title == "### Planning 100,000 rows in 20 files"
    assert "figures mean nothing" in setting
    heading, _, every, chosen = (row.strip("| ").split(" | ") for row in table.splitlines())
    assert heading[0] == "rows"
    assert [every[0], chosen[0]] == ["all", "1,500 chosen"]
    assert all(float(cells[1]) > 0 for cells in (every, chosen))
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
