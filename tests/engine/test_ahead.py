import threading
from collections.abc import Iterator

import pytest

from groundray.engine.ahead import iter_ahead


def test_items_keep_their_order() -> None:
    assert list(iter_ahead(iter(range(100)))) == list(range(100))
    assert list(iter_ahead(iter(()))) == []


def test_one_item_is_made_while_the_last_is_used() -> None:
    made = [threading.Event() for _ in range(3)]

    def make() -> Iterator[int]:
        for i, event in enumerate(made):
            event.set()
            yield i

    items = iter_ahead(make())
    assert next(items) == 0
    assert made[1].wait(10)
    assert not made[2].is_set()
    items.close()


def test_an_error_comes_after_the_items_before_it() -> None:
    def fail() -> Iterator[int]:
        yield 1
        raise ValueError("spoilt")

    items = iter_ahead(fail())
    assert next(items) == 1
    with pytest.raises(ValueError, match="spoilt"):
        next(items)
