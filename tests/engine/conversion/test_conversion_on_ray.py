"""Whole commands on real Ray: the same bytes on any runner, and after any kill."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
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


def commits(output: Path) -> dict[str, int]:
    """Commit records and when each was written."""
    folder = output / ".groundray/commits"
    return {p.name: p.stat().st_mtime_ns for p in folder.glob("*.json")} if folder.exists() else {}


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, "the run ended before it could be disturbed"
        assert time.monotonic() < deadline, "the run made no progress"
        time.sleep(0.02)


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


def workers_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Ray's worker processes below a driver that are doing units."""
    return [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if child.cmdline()[:1] and child.cmdline()[0].startswith("ray::ReadUnits")
    ]


def kill(victims: list[psutil.Process]) -> bool:
    for victim in victims:
        victim.kill()
    return True


def test_a_killed_worker_costs_nothing(source: Path, undisturbed: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with subprocess.Popen(command(source, output, "--runner", "ray", "--num-cpus", "2")) as process:
        wait_for(lambda: len(commits(output)) >= 2, process)
        wait_for(lambda: bool(victims := workers_of(process)) and kill(victims), process)
    assert process.returncode == 0
    assert tree(output) == tree(undisturbed)


def wait_until_gone(processes: list[psutil.Process]) -> None:
    deadline = time.monotonic() + 60
    while left := [process for process in processes if process.is_running()]:
        assert time.monotonic() < deadline, f"these outlived their killed driver: {left}"
        time.sleep(0.2)


@pytest.mark.parametrize("runner", ["local", "ray"])
def test_a_killed_run_is_taken_up_where_it_stopped(
    source: Path, undisturbed: Path, tmp_path: Path, runner: str
) -> None:
    output = tmp_path / "out"
    options = ("--runner", runner, "--num-cpus", "2")
    with subprocess.Popen(command(source, output, *options)) as process:
        wait_for(lambda: len(commits(output)) >= 3, process)
        below = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
    finished = commits(output)
    assert not (output / "manifest.json").exists()
    subprocess.run(command(source, output, *options), check=True)
    assert tree(output) == tree(undisturbed)
    again = commits(output)
    assert {name: again[name] for name in finished} == finished
    wait_until_gone(below)
    assert not (output / ".groundray/staging").exists()
