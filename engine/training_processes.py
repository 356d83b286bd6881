"""The trainer's processes on this machine: which there are, and when each ended, from /proc."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from groundray.engine.training_guard import descendants

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


class TrainerProcesses:
    """Watches the processes below one; finds nothing where there is no /proc."""

    def __init__(self, root: int, count: int) -> None:
        self._root, self._count = root, count
        self._pids: dict[int, int] = {}
        self._ended: set[int] = set()
        self._next_search_s = 0.0

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
                    ended.append(Ended(rank, now, code))
        return ended

    def _take(self, pid: int) -> None:
        """The first process of a rank is the trainer; what it starts has the same environment."""
        rank = _local_rank(pid)
        if rank is not None:
            self._pids.setdefault(rank, pid)


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
