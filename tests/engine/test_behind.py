"""Calls that are made behind their caller."""

import os
import signal
from collections.abc import Iterator
from threading import Event, Timer, get_ident

import pytest

from groundray.engine.behind import Behind


def test_calls_are_made_in_their_order_by_another_thread() -> None:
    behind = Behind()
    made: list[tuple[int, int]] = []

    def make(number: int) -> None:
        made.append((number, get_ident()))

    for number in range(50):
        behind.call(make, number)
    behind.settle()
    assert [number for number, _ in made] == list(range(50))
    assert {thread for _, thread in made} != {get_ident()}


def test_a_caller_that_is_too_fast_waits() -> None:
    behind, go = Behind(), Event()
    made: list[int] = []
    behind.call(go.wait, 60)
    for number in range(7):
        behind.call(made.append, number)
    assert made == []
    go.set()
    behind.call(made.append, 7)
    behind.settle()
    assert made == list(range(8))


def test_what_a_call_raises_is_raised_once_by_a_later_one_or_at_the_end() -> None:
    behind = Behind()
    behind.call(int, "x")
    for _ in range(7):
        behind.call(int, "1")
    with pytest.raises(ValueError, match="invalid literal"):
        behind.call(int, "1")
    behind.settle()
    behind.call(int, "y")
    behind.wait()
    with pytest.raises(ValueError, match="invalid literal"):
        behind.settle()


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, though a shell's & has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_a_call_that_ctrl_c_finds_under_way_is_still_waited_for() -> None:
    behind, go = Behind(), Event()
    made: list[int] = []

    def make() -> None:
        assert go.wait(60)
        made.append(1)

    behind.call(make)
    press = Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012  the timer must not strike outside
        press.start()
        behind.settle()
    Timer(0.1, go.set).start()
    behind.wait()
    assert made == [1]
