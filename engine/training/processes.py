"""The trainer's processes on this machine: their guard, and from /proc when each ended."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from groundray.engine.training import guard as guard_file
from groundray.engine.training.guard import descendants

_LOCAL_RANK = b"PADDLE_LOCAL_RANK"
_SEARCH_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Ended:
    """A trainer process that ended.

    Attributes:
        local_rank: on its machine.
        time_s: when, by this machine's clock.
        code: exit status, minus the signal's number where one ended it; None where somebody else
            has taken it.
    """

    local_rank: int
    time_s: float
    code: int | None


class Guarded:
    """A command that ends, with all that it started, when this process does; see the guard.

    Args:
        command: program by its path, and its arguments.
        scratch: folder that goes with this process.
        log: file for what the command says.
        folder: that it runs in.
        environment: the whole of it.

    Attributes:
        pid: of the guard, which everything is below.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        scratch: Path,
        log: Path,
        folder: str,
        environment: Mapping[str, str],
    ) -> None:
        guard = [sys.executable, "-I", guard_file.__file__, str(scratch), str(log), *command]
        self._process = subprocess.Popen(  # noqa: S603  the trainer's command
            guard,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        self._process.wait()  # it goes on in a process that is not our child
        assert self._process.stdout is not None  # noqa: S101  it is a pipe
        self._answers = self._process.stdout
        self.pid = int(self._answers.readline())
        os.set_blocking(self._answers.fileno(), False)
        self._code: int | None = None

    def poll(self) -> int | None:
        """Exit status of the command, minus a signal's number; None while it runs."""
        if self._code is None:
            try:
                answer = os.read(self._answers.fileno(), 64)
            except BlockingIOError:
                return None
            self._code = int(answer or -signal.SIGKILL)  # somebody killed the guard
            self._answers.close()
            self.end()
        return self._code

    def end(self) -> None:
        """Ends it where it has not ended; `poll` then tells."""
        if self._process.stdin is not None:
            self._process.stdin.close()


class TrainerProcesses:
    """Watches the processes below one; finds nothing where there is no /proc.

    Who looks late cannot tell which process ended first, nor how, once its parent has asked: so
    `wait` wakes up when one ends.
    """

    def __init__(self, root: int, count: int) -> None:
        self._root, self._count = root, count
        self._pids: dict[int, int] = {}
        self._ended: set[int] = set()
        self._next_search_s = 0.0
        self._ends = select.poll()
        self._handles: dict[int, int] = {}  # of the kernel's, by rank

    def wait(self, seconds: float) -> None:
        """Waits for so long, or until a process ends."""
        self._ends.poll(1000 * seconds)

    def close(self) -> None:
        """Watches no more."""
        for rank in list(self._handles):
            self._forget(rank)

    def look(self) -> list[Ended]:
        """Those that ended since the last look."""
        now = time.time()
        if len(self._pids) < self._count and now >= self._next_search_s:
            self._next_search_s = now + _SEARCH_EVERY_S
            for pid in descendants(self._root):
                self._take(pid)
        ended = []
        for rank, pid in self._pids.items():
            if rank not in self._ended:
                is_over, code = _status(pid)
                if is_over:
                    self._ended.add(rank)
                    self._forget(rank)
                    ended.append(Ended(rank, now, code))
        return ended

    def _take(self, pid: int) -> None:
        """The first process of a rank is the trainer; what it starts has the same environment."""
        rank = _local_rank(pid)
        if rank is None or rank in self._pids:
            return
        self._pids[rank] = pid
        with suppress(OSError):  # it is gone; or Linux is older than 5.3: then a look comes late
            self._handles[rank] = os.pidfd_open(pid)
            self._ends.register(self._handles[rank], select.POLLIN)

    def _forget(self, rank: int) -> None:
        handle = self._handles.pop(rank, None)
        if handle is not None:
            self._ends.unregister(handle)
            os.close(handle)


def _local_rank(pid: int) -> int | None:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    for entry in environment.split(b"\0"):
        name, _, value = entry.partition(b"=")
        if name == _LOCAL_RANK:
            return int(value)
    return None


def _status(pid: int) -> tuple[bool, int | None]:
    """Whether a process has ended, and its exit status while nobody has asked for it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return True, None
    return fields[0] in "ZX", os.waitstatus_to_exitcode(int(fields[-1]))
