import threading
import time
from collections.abc import Callable

import pytest

from groundray.engine.head_start import HeadStart
from groundray.formats.errors import SourceError


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.001)


class Gate:
    """Work whose units wait to be let through; a unit's result is ten times its number."""

    def __init__(self, *, open_for: int = 0) -> None:
        self.begun: list[int] = []
        self._passes = threading.Semaphore(open_for)

    def let(self, units: int) -> None:
        self._passes.release(units)

    def __call__(self, unit: int) -> int:
        self.begun.append(unit)
        assert self._passes.acquire(timeout=60)
        return 10 * unit


def test_all_that_can_be_done_in_the_time_is_done_here() -> None:
    work = Gate(open_for=5)
    with HeadStart(work, range(5)) as head:
        wait_for(lambda: len(work.begun) == 5)
        assert not head.leave(1e6)
        assert list(head.iter_rest()) == [0, 10, 20, 30, 40]


def test_each_unit_is_done_here_or_left_to_others() -> None:
    work = Gate(open_for=3)
    with HeadStart(work, range(100)) as head:
        wait_for(lambda: len(work.begun) == 4)
        left = head.leave(0)
        assert list(head.iter_done()) == [0, 10, 20]
        assert list(head.iter_done()) == []
        work.let(100)
        assert list(head.iter_rest()) == [30]
    assert list(left) == list(range(4, 100))
    assert work.begun == [0, 1, 2, 3]


def test_the_first_unit_is_waited_for_and_not_for_ever() -> None:
    work = Gate()
    with HeadStart(work, range(2)) as head:
        threading.Timer(0.2, work.let, (1,)).start()
        head.wait_for_first(60)
        assert list(head.iter_done()) == [0]
        work.let(1)
    work = Gate()
    with HeadStart(work, range(2)) as head:
        head.wait_for_first(0.05)
        assert list(head.iter_done()) == []
        work.let(2)


def test_it_goes_on_at_its_pace() -> None:
    further_s = 5
    work = Gate(open_for=50)
    earliest_s = time.monotonic()
    with HeadStart(work, range(10_000)) as head:
        latest_s = time.monotonic()
        time.sleep(0.5)
        wait_for(lambda: len(work.begun) == 51)
        least_s = time.monotonic() - latest_s
        here = 10_000 - len(head.leave(further_s))
        most_s = time.monotonic() - earliest_s
        work.let(10_000)
        assert list(head.iter_rest()) == [10 * unit for unit in range(here)]
    assert round(50 / most_s * further_s) <= here - 51 <= round(50 / least_s * further_s)


def test_an_error_comes_where_its_unit_would() -> None:
    def work(unit: int) -> int:
        if unit == 1:
            raise SourceError("spoilt")
        return unit

    with HeadStart(work, range(3)) as head:
        done = head.iter_rest()
        assert next(done) == 0
        with pytest.raises(SourceError, match="spoilt"):
            next(done)


def test_who_leaves_waits_for_the_unit_under_way_and_no_other() -> None:
    work = Gate()
    with pytest.raises(KeyboardInterrupt), HeadStart(work, range(100)):  # noqa: PT012
        wait_for(lambda: work.begun == [0])
        threading.Timer(0.1, work.let, (100,)).start()
        raise KeyboardInterrupt
    assert work.begun == [0]
