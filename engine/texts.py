"""Texts: columns of text that stay Arrow's until Python looks at them."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import overload

import pyarrow as pa

from groundray.engine.arrays import from_numpy, to_texts
from groundray.engine.records import IntArray


class Texts(Sequence[str]):
    """The texts of an array, which a list is only made of where one is asked for.

    Equal to whatever sequence has the same texts.

    Args:
        array: of strings, without a null.
    """

    def __init__(self, array: pa.Array) -> None:
        self.array = array

    def take(self, indices: IntArray) -> "Texts":
        """Some of them."""
        return Texts(self.array.take(from_numpy(indices)))

    def __len__(self) -> int:
        return len(self.array)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> "Texts": ...
    def __getitem__(self, index: int | slice) -> "str | Texts":
        return Texts(self.array[index]) if isinstance(index, slice) else self._list[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._list)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._list == list(other)

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def _list(self) -> list[str]:
        return [text or "" for text in to_texts(self.array)]
