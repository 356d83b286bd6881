"""Runs a command, and leaves no process behind: not when it fails, nor when its owner is killed.

The trainer starts processes in sessions of their own, which outlive whatever started them. This
process stands between them and its owner: it adopts every orphan below it (Linux), and when the
command has ended, or the pipe that its owner holds is closed, it kills all that is left. The kernel
closes that pipe with the owner, however it ends. It is no child of its owner, because a Ray worker
that ends kills its children, and theirs would run on.

It is run as a file, `python -I guard.py SCRATCH LOG COMMAND...`, and needs no package. It
answers with two lines: its process id, and in the end the command's exit status.
"""

import contextlib
import ctypes
import os
import select
import shutil
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_STEP_S = 0.1
_KILLING_S = 20.0


def main(scratch: str, log: str, command: list[str]) -> None:
    """Runs the command.

    Args:
        scratch: folder to remove where the owner is gone; it removes it itself otherwise.
        log: file for what the command says.
        command: program by its path, and its arguments.
    """
    if os.fork():
        return
    _adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: os.close(0))  # as if its owner had gone
    _tell(os.getpid())
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    child = os.posix_spawn(
        command[0],
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )
    status: int | None = None
    owned = True
    while status is None and owned:
        owned = _is_owned()
        status = _reap().get(child)
    killed = _kill_descendants()
    if not owned:
        shutil.rmtree(scratch, ignore_errors=True)
    _tell(
        os.waitstatus_to_exitcode(killed.get(child, signal.SIGKILL) if status is None else status)
    )


def descendants(pid: int) -> list[int]:
    """Processes below one, zombies too; empty where there is no /proc."""
    children = defaultdict(list)
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # the name, in parentheses, may hold anything
            parent = entry.read_text(errors="replace").rpartition(")")[2].split()[1]
            children[int(parent)].append(int(entry.parent.name))
    found = list(children[pid])
    for process in found:
        found.extend(children[process])
    return found


def _tell(number: int) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(1, b"%d\n" % number)


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _is_owned() -> bool:
    """Waits a moment, and tells whether the pipe is still open."""
    try:
        ready, _, _ = select.select([0], [], [], _STEP_S)
        return not ready or os.read(0, 1) != b""
    except OSError:
        return False


def _reap() -> dict[int, int]:
    """Statuses of children that have ended, the adopted ones too."""
    statuses = {}
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            statuses[pid] = status
    return statuses


def _kill_descendants() -> dict[int, int]:
    statuses = {}
    deadline = time.monotonic() + _KILLING_S
    while (left := descendants(os.getpid())) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        statuses.update(_reap())
        time.sleep(_STEP_S / 10)
    return statuses


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
