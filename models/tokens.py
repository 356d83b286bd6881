"""The tokens of an answer: where it ends, and the text of each."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

_INCOMPLETE = "\ufffd"


class Ended(NamedTuple):
    """What a model generated, without its end.

    Attributes:
        ids: of the answer, before the end token.
        num_tokens: of the answer, end token included.
        is_whole: whether the model ended it.
    """

    ids: list[int]
    num_tokens: int
    is_whole: bool


def until_end(ids: Sequence[int], end_ids: Collection[int]) -> Ended:
    """Cuts at the first end token; padding stands behind it.

    >>> until_end([7, 8, 2, 0, 0], {2})
    Ended(ids=[7, 8], num_tokens=3, is_whole=True)
    """
    for index, id_ in enumerate(ids):
        if id_ in end_ids:
            return Ended(list(ids[:index]), index + 1, is_whole=True)
    return Ended(list(ids), len(ids), is_whole=False)


def end_ids(*holders: Any) -> list[int]:
    """Every token that ends an answer, by a tokenizer or a configuration, sorted."""
    found: set[int | None] = set()
    for holder in holders:
        value = getattr(holder, "eos_token_id", None)
        found.update(value if isinstance(value, list | tuple) else [value])
    return sorted(id_ for id_ in found if id_ is not None)


def split_text(ids: Sequence[int], decode: Callable[[Sequence[int]], str]) -> list[str]:
    """Text of each token; together they are the text of all.

    A character of several tokens is the last one's, and the others' texts are without it.

    >>> split_text([0xC3, 0xA9, 0x41], lambda ids: bytes(ids).decode(errors="replace"))
    ['', 'é', 'A']
    """
    whole = decode(ids)
    texts, done = [], 0
    for count in range(1, len(ids)):
        begun = decode(ids[:count]).rstrip(_INCOMPLETE)
        end = max(done, len(begun) if whole.startswith(begun) else _num_common(begun, whole))
        texts.append(whole[done:end])
        done = end
    return [*texts, whole[done:]] if ids else []


def _num_common(a: str, b: str) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
