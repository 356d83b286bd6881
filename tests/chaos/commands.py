"""Commands as a user types them: real processes, each start in a session of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

ROOT = Path(__file__).parents[2]

STALLED_S = 240
"""A start that takes so long hangs: a run takes seconds."""


_AGENTS = ("ray::DashboardAgent", "ray::RuntimeEnvAgent")
"""Of Ray's, which do nothing for us: of a Ray that was killed, they look for its store for another
minute, in order to report that."""


class HangError(AssertionError):
    """A command did not end."""


class End(NamedTuple):
    """How a start of a command ended: its exit status (negative: a signal's), and its stderr."""

    status: int
    said: str

    @property
    def last_line(self) -> str:
        """What a user sees last."""
        return (self.said.strip().splitlines() or [""])[-1]


class Start:
    """One start of a command; what it starts itself belongs to its session, and is found by it.

    Args:
        arguments: of `groundray`.
        log: file that gets its stderr.
        env: variables on top of this process's own.
        prefix: what is typed before the command.
        program: of Python, that takes the arguments.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
        program: Sequence[str] = ("-m", "groundray.engine"),
    ) -> None:
        self._log = log
        with log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, *program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env={**os.environ, **(env or {})},
                cwd=ROOT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Of the driver, and of its session."""
        return self.process.pid

    def is_over(self) -> bool:
        """Whether the driver has ended."""
        return self.process.poll() is not None

    def wait_until(self, condition: Callable[[], bool], *, every_s: float = 0.01) -> bool:
        """Whether the condition came true before the driver ended."""
        deadline = time.monotonic() + STALLED_S
        while not condition():
            if self.is_over():
                return False
            self._check(deadline)
            time.sleep(every_s)
        return True

    def end(self) -> End:
        """Waits for the driver."""
        deadline = time.monotonic() + STALLED_S
        while not self.is_over():
            self._check(deadline)
            time.sleep(0.02)
        return End(self.process.returncode, self._log.read_text(errors="replace"))

    def processes(self) -> list[psutil.Process]:
        """Everything of the session that lives, the driver included."""
        found = []
        for process in psutil.process_iter():
            try:
                is_ours = os.getsid(process.pid) == self.pid
                if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return found

    def signal(self, number: int, *, whole_group: bool = False) -> None:
        """Signals the driver, or its whole group as a terminal does."""
        if self.is_over():
            return
        (os.killpg if whole_group else os.kill)(self.pid, number)

    def outlived_s(self, patience_s: float) -> float:
        """How long what the driver started went on without it, Ray's agents apart.

        Raises:
            HangError: something was left after `patience_s`; it was ended.
        """
        began = time.monotonic()
        while left := [p for p in self.processes() if not name_of(p).startswith(_AGENTS)]:
            if time.monotonic() - began > patience_s:
                names = ", ".join(sorted({name_of(process) for process in left}))
                self.kill_all()
                raise HangError(f"{len(left)} processes outlived the driver: {names}")
            time.sleep(0.05)
        return time.monotonic() - began

    def kill_all(self) -> None:
        """Ends the whole session, whatever it does."""
        for process in self.processes():
            kill(process)
        self.process.wait()

    def _check(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            self.kill_all()
            raise HangError(f"no end after {STALLED_S} s; {self._log.read_text()[-500:]}")


def name_of(process: psutil.Process) -> str:
    """What a process calls itself."""
    try:
        return " ".join(process.cmdline()[:3]) or process.name()
    except psutil.NoSuchProcess:
        return "gone"


def kill(process: psutil.Process) -> None:
    """kill -9, if it still lives."""
    try:
        process.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return
