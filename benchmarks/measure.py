"""Measuring a command: wall time, CPU time and memory of the whole tree of its processes."""

import json
import mmap
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import psutil

_FIRST_S, _EVERY_S = 0.005, 0.1
_WEIGHING = 10
"""Times what weighing took until the next one: the kernel walks all pages of the processes."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run of a command took.

    Attributes:
        wall_s: from its start to its end.
        cpu_s: user and system time of all its processes.
        peak_bytes: the most that its processes held together, pages that they share counted once.
        largest_bytes: the most that one of them held.
        said: its stdout.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    largest_bytes: int
    said: str


def python(module: str, *arguments: object) -> list[str]:
    """The command that runs a module."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def groundray(*arguments: object) -> list[str]:
    """The command that runs a command of ours."""
    return python("groundray.engine", *arguments)


def measure(command: Sequence[str], *, writes: float = 0) -> Measured:
    """Runs a command to its end.

    CPU time is exact for a process and those that it waited for; of others, such as the workers of
    a Ray that is killed, the last tenth of a second may be missed.

    Args:
        command: what to run.
        writes: about how many bytes of files; so much free memory is touched before.

    Raises:
        CalledProcessError: it failed; what it wrote to stderr is printed.
    """
    _touch(writes)
    seen = _Seen()
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=complained)
        try:
            with _looking(seen, process.pid):
                _, status, usage = os.wait4(process.pid, 0)
                wall_s = time.perf_counter() - started
        except BaseException:
            process.terminate()
            process.wait()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        complained.seek(0)
        if process.returncode:
            sys.stderr.write(complained.read().decode(errors="replace"))
            raise subprocess.CalledProcessError(process.returncode, list(command))
        cpu_s = max(usage.ru_utime + usage.ru_stime, sum(seen.cpu_s.values()))
        return Measured(wall_s, cpu_s, seen.peak_bytes, seen.largest_bytes, said.read().decode())


def _touch(num_bytes: float) -> None:
    """Uses free memory once, as far as there is so much.

    A virtual machine hands memory that was free for a while back to its host (free page reporting
    of Linux's balloon), and waits for each page that it uses again: up to twice the time of a whole
    conversion. Whom that met was chance.
    """
    free = psutil.virtual_memory().available / 2
    if size := int(min(num_bytes, free)):
        with mmap.mmap(-1, size) as memory:
            for page in range(0, size, mmap.PAGESIZE):
                memory[page] = 1


@contextmanager
def _looking(seen: "_Seen", pid: int) -> Iterator[None]:
    """A thread looks at a process until the end of the `with`."""
    ended = threading.Event()

    def look() -> None:
        every_s = _FIRST_S
        while not ended.wait(every_s):
            seen.look(pid)
            every_s = min(every_s * 1.5, _EVERY_S)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


class OnCluster(NamedTuple):
    """What commands took in a process that is connected to a local cluster of two workers.

    Attributes:
        start_s: of starting the cluster, before.
        wall_s: of each command; the first finds a cluster that did nothing yet.
        first_shard_s: until the first shard of each had its final name.
    """

    start_s: float
    wall_s: list[float]
    first_shard_s: list[float]


def on_cluster(commands: Sequence[Sequence[str]], *, keep: bool, writes: float = 0) -> OnCluster:
    """Runs commands of ours, one after the other, in one such process.

    Args:
        commands: of `groundray`.
        keep: whether outputs stay until the end. In memory they should not: each command then
            writes to memory that the one before it has touched.
        writes: bytes of files of a command, as for `measure`.
    """
    arguments = [command[len(groundray()) :] for command in commands]
    kept = "keep" if keep else "delete"
    took = measure(
        python("benchmarks.subjects.on_cluster", json.dumps(arguments), kept), writes=writes
    )
    return OnCluster(**json.loads(took.said))


def median_of(runs: Sequence[Measured]) -> Measured:
    """The median of each figure; what the last one said."""
    return Measured(
        median(run.wall_s for run in runs),
        median(run.cpu_s for run in runs),
        int(median(run.peak_bytes for run in runs)),
        int(median(run.largest_bytes for run in runs)),
        runs[-1].said,
    )


def medians(
    commands: Mapping[str, Callable[[], list[str]]],
    runs: int,
    *,
    once: Sequence[str] = (),
    writes: float = 0,
) -> dict[str, Measured]:
    """Runs commands in turn, so that what the machine does meanwhile falls on all alike.

    Args:
        commands: each makes its command anew, to write where nothing is.
        runs: of each.
        once: names of those that run only in the first turn.
        writes: bytes of files of a command, as for `measure`.
    """
    measured: dict[str, list[Measured]] = {name: [] for name in commands}
    for turn in range(runs):
        for name, command in commands.items():
            if turn == 0 or name not in once:
                measured[name].append(measure(command(), writes=writes))
    return {name: median_of(each) for name, each in measured.items()}


class _Seen:
    """What was seen of a tree of processes so far."""

    def __init__(self) -> None:
        self.cpu_s: dict[int, float] = {}
        self.peak_bytes = 0
        self.largest_bytes = 0
        self._weigh_at = 0.0

    def look(self, pid: int) -> None:
        """Notes the CPU time of every process, and now and then what they hold."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            tree = (process, *process.children(recursive=True))
            for each in tree:
                with suppress(psutil.NoSuchProcess):
                    times = each.cpu_times()
                    self.cpu_s[each.pid] = times.user + times.system
            started = time.perf_counter()
            if started >= self._weigh_at:
                self._weigh(tree)
                ended = time.perf_counter()
                self._weigh_at = ended + _WEIGHING * (ended - started)

    def _weigh(self, tree: Sequence[psutil.Process]) -> None:
        held = []
        for each in tree:
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                held.append(each.memory_full_info().pss)
        self.peak_bytes = max(self.peak_bytes, sum(held))
        self.largest_bytes = max(self.largest_bytes, *held, 0)
