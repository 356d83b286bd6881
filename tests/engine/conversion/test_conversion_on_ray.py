"""Whole commands, on real Ray too: the same bytes on any runner. tests/chaos disturbs them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.coco import rows, tree, write
from tests.engine.on_workers import on_workers

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

FORMATS = "qwen3-vl,glm-4.5v"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """240 rows in 4 files and 2 splits; decoding every image makes a run last for seconds."""
    files = {f"train-{i:05d}-of-00003": rows(60, first_id=1000 * i) for i in range(3)}
    files["val-00000-of-00001"] = rows(60, first_id=9000)
    return write(tmp_path_factory.mktemp("source") / "in", files, row_group_rows=20)


GROUNDRAY = [sys.executable, "-m", "groundray.engine"]


def test_one_worker_and_a_ray_of_ones_own_write_the_bytes_of_one_process(
    source: Path, tmp_path: Path
) -> None:
    settled = ["--format", FORMATS, "--rows-per-shard", "10", "--verify", "decode"]
    local, worker, own = (tmp_path / name for name in ("local", "worker", "own"))
    for command in (
        [*GROUNDRAY, "convert", str(source), str(local), "--runner", "local"],
        on_workers("convert", source, worker, num_cpus=1),
        [*GROUNDRAY, "convert", str(source), str(own), "--runner", "ray"],
    ):
        subprocess.run([*command, *settled], check=True)
    for output in (worker, own):
        assert tree(output) == tree(local)
        assert not (output / ".groundray/staging").exists()


def test_files_in_another_order_give_the_same_bytes(source: Path, tmp_path: Path) -> None:
    files = sorted(str(path) for path in (source / "data").iterdir())
    options = ["--format", FORMATS, "--samples", "50", "--val-ratio", "0.2", "--runner", "local"]
    for name, order in (("a", files), ("b", files[::-1])):
        subprocess.run([*GROUNDRAY, "convert", *order, str(tmp_path / name), *options], check=True)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
