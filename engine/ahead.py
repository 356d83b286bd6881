"""Reading ahead: the next item is made while the last one is used."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def iter_ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The same items in the same order, one of them made ahead by a thread.

    Worth it where making an item leaves Python's lock alone, as reading parquet does.
    """
    with ThreadPoolExecutor(1, "groundray-ahead") as thread:
        waiting = thread.submit(_take, items)
        while item := waiting.result():
            waiting = thread.submit(_take, items)
            yield from item


def _take(items: Iterator[Item]) -> tuple[Item, ...]:
    for item in items:
        return (item,)
    return ()
