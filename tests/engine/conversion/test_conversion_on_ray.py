"""Whole commands, on real Ray too: the same bytes on any runner. tests/chaos disturbs them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.coco import rows, tree, write

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

FORMATS = "qwen3-vl,glm-4.5v"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """240 rows in 4 files and 2 splits; decoding every image makes a run last for seconds."""
    files = {f"train-{i:05d}-of-00003": rows(60, first_id=1000 * i) for i in range(3)}
    files["val-00000-of-00001"] = rows(60, first_id=9000)
    return write(tmp_path_factory.mktemp("source") / "in", files, row_group_rows=20)


def command(source: Path, output: Path, *options: str) -> list[str]:
    convert = [sys.executable, "-m", "groundray.engine", "convert"]
    settled = ["--format", FORMATS, "--rows-per-shard", "10", "--verify", "decode"]
    return [*convert, str(source), str(output), *settled, *options]


@pytest.fixture(scope="module")
def undisturbed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("undisturbed") / "out"
    subprocess.run(command(source, output, "--runner", "local"), check=True)
    return output


def test_one_cpu_writes_the_bytes_that_one_process_writes(
    source: Path, undisturbed: Path, tmp_path: Path
) -> None:
    subprocess.run(
        command(source, tmp_path / "out", "--runner", "ray", "--num-cpus", "1"), check=True
    )
    assert tree(tmp_path / "out") == tree(undisturbed)
    assert not (tmp_path / "out/.groundray/staging").exists()


def test_files_in_another_order_give_the_same_bytes(source: Path, tmp_path: Path) -> None:
    files = sorted(str(path) for path in (source / "data").iterdir())
    options = ["--format", FORMATS, "--samples", "50", "--val-ratio", "0.2", "--runner", "local"]
    for name, order in (("a", files), ("b", files[::-1])):
        convert = [sys.executable, "-m", "groundray.engine", "convert"]
        subprocess.run([*convert, *order, str(tmp_path / name), *options], check=True)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
