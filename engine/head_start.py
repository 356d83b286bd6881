"""A head start: this process does the first units while workers of a cluster start."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")

MOST_UNITS = 10_000
"""More than are ever done meanwhile; each costs a kilobyte while it waits."""


class HeadStart(Generic[Given, Made]):
    """Does units from the front, one after another, in a thread; `leave` says where it ends.

    The way out of its `with` waits for the unit under way, and begins no other.

    Args:
        work: does a unit.
        units: all of them, in any number.
    """

    def __init__(self, work: Callable[[Given], Made], units: Sequence[Given]) -> None:
        self._units = units
        self._thread = ThreadPoolExecutor(1, "groundray-head-start")
        self._started_s = time.monotonic()
        self._mine = [self._thread.submit(work, unit) for unit in units[:MOST_UNITS]]
        self._shown = 0

    def wait_for_first(self, most_s: float) -> None:
        """Waits until the first unit is done, but no longer than so many seconds."""
        wait(self._mine[:1], most_s)

    def leave(self, further_s: float) -> Sequence[Given]:
        """The units that are left to others: it does those of about so many more seconds.

        Args:
            further_s: at the pace that it has had so far.
        """
        num_done = sum(future.done() for future in self._mine)
        pace = num_done / (time.monotonic() - self._started_s)
        keeps = num_done + 1 + round(pace * further_s)
        while len(self._mine) > keeps and self._mine[-1].cancel():
            self._mine.pop()
        return self._units[len(self._mine) :]

    def iter_done(self) -> Iterator[Made]:
        """What was made by now, and was not given before.

        Raises:
            GroundrayError: what a unit raised.
        """
        while self._shown < len(self._mine) and self._mine[self._shown].done():
            yield self._next()

    def iter_rest(self) -> Iterator[Made]:
        """What was not given before, as it is made; raises what `iter_done` does."""
        while self._shown < len(self._mine):
            yield self._next()

    def _next(self) -> Made:
        future: Future[Made] = self._mine[self._shown]
        self._shown += 1
        return future.result()

    def __enter__(self) -> "HeadStart[Given, Made]":
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)
