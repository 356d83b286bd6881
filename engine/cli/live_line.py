"""What a long command says of itself while it runs."""

import sys
from time import monotonic
from typing import TYPE_CHECKING

from groundray.engine.cli.terminal import complain, console

if TYPE_CHECKING:
    from rich.status import Status

_LINE_EVERY_S = 10.0


class LiveLine:
    """On stderr, a line that changes on a terminal; elsewhere a line every ten seconds.

    Args:
        text: what it says at first.
    """

    def __init__(self, text: str) -> None:
        self._printed_s = monotonic()
        self._status: Status | None = None
        if sys.stderr.isatty():  # importing what steers a terminal takes a while
            self._status = console(stderr=True).status(text)

    def __enter__(self) -> "LiveLine":
        if self._status:
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._status:
            self._status.stop()
        if kind is KeyboardInterrupt:
            self.print("interrupted; the same command goes on from here")

    def print(self, text: str) -> None:
        """Prints a line that stays."""
        if self._status:
            self._status.console.print(text)
        else:
            complain(text)

    def show(self, text: str, *, is_last: bool = False) -> None:
        """Changes the line; elsewhere prints it where it is time, or where it is the last."""
        if self._status:
            self._status.update(text)
        now_s = monotonic()
        is_due = not self._status and now_s - self._printed_s > _LINE_EVERY_S
        if is_last or is_due:
            self._printed_s = now_s
            self.print(text)
