"""Reading ahead: the next item is made while the last one is used."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

Item = TypeVar("Item")


def iter_ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The same items in the same order, one of them made ahead by a thread.

    Worth it where making an item leaves Python's lock alone, as reading parquet does. A process has
    one such thread, whose memory Arrow's allocator can use again; so items must not be made of
    items that are read ahead themselves.
    """
    thread = _thread()
    waiting = thread.submit(_take, items)
    try:
        while item := waiting.result():
            waiting = thread.submit(_take, items)
            yield from item
    finally:
        wait([waiting])


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "groundray-ahead")


def _take(items: Iterator[Item]) -> tuple[Item, ...]:
    for item in items:
        return (item,)
    return ()
