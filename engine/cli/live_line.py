"""What a long command says of itself while it runs."""

from time import monotonic

from groundray.engine.cli.terminal import console

_LINE_EVERY_S = 10.0


class LiveLine:
    """On stderr, a line that changes on a terminal; elsewhere a line every ten seconds.

    Args:
        text: what it says at first.
    """

    def __init__(self, text: str) -> None:
        self._console = console(stderr=True)
        self._printed_s = monotonic()
        self._status = self._console.status(text)

    def __enter__(self) -> "LiveLine":
        self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._status.stop()
        if kind is KeyboardInterrupt:
            self._console.print("interrupted; the same command goes on from here")

    def print(self, text: str) -> None:
        """Prints a line that stays."""
        self._console.print(text)

    def show(self, text: str, *, is_last: bool = False) -> None:
        """Changes the line; elsewhere prints it where it is time, or where it is the last."""
        self._status.update(text)
        now_s = monotonic()
        is_due = not self._console.is_terminal and now_s - self._printed_s > _LINE_EVERY_S
        if is_last or is_due:
            self._printed_s = now_s
            self._console.print(text)
