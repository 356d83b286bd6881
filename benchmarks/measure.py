"""Measuring a command: wall time, CPU time and peak memory of the whole tree of its processes."""

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median

import psutil

_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run of a command took.

    Attributes:
        wall_s: from its start to its end.
        cpu_s: user and system time of all its processes.
        peak_bytes: the most that its processes held together, pages that they share counted once.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int


def python(module: str, *arguments: object) -> list[str]:
    """The command that runs a module."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def measure(command: Sequence[str]) -> Measured:
    """Runs a command to its end.

    Raises:
        CalledProcessError: it failed.
    """
    cpu: dict[int, float] = {}
    peak = 0
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, _look(process.pid, cpu))
            with suppress(subprocess.TimeoutExpired):
                process.wait(_EVERY_S)
        wall = time.perf_counter() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command))
    return Measured(wall, sum(cpu.values()), peak)


def median_of(runs: Sequence[Measured]) -> Measured:
    """The median of each figure."""
    return Measured(
        median(run.wall_s for run in runs),
        median(run.cpu_s for run in runs),
        int(median(run.peak_bytes for run in runs)),
    )


def _look(pid: int, cpu: dict[int, float]) -> int:
    """Notes the CPU time of every process so far, and returns the memory of all of them now."""
    total = 0
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in processes:
        try:
            times = process.cpu_times()
            cpu[process.pid] = max(cpu.get(process.pid, 0.0), times.user + times.system)
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total
