"""Numbers as models write them."""

import math
import re
from typing import NamedTuple

SHORT = r"[-+]?(?:\d{1,32}(?:\.\d{0,32})?|\.\d{1,32})(?:[eE][-+]?\d{1,3})?"
"""Pattern of a number; bounded, so that a runaway one costs nothing before it is refused."""

COMMA = "[,，]"  # noqa: RUF001 - Chinese text has a comma of its own
"""Pattern of what stands between two numbers."""

LIST = rf"{SHORT}(?:(?:\s{{0,99}}{COMMA}\s{{0,99}}|\s{{1,99}}){SHORT}){{1,8}}"
"""Pattern of two to nine numbers."""


class Number(NamedTuple):
    """A number, and where it stands."""

    value: float
    start: int
    stop: int


class Numbers(NamedTuple):
    """Numbers, and where they stand, from the first to the last."""

    values: tuple[float, ...]
    start: int
    stop: int


# A longer number is beyond float64, and int() takes quadratic time.
_MAX_DIGITS = 320
_HIGHEST = 10**308

_NUMBER = re.compile(SHORT)
_LIST = re.compile(LIST)
_BRACKETS = "[](){}<>"


def to_number(text: str) -> float:
    """A number's value, an int where it is spelled as one; infinite where float64 cannot hold it.

    >>> to_number("12"), to_number("12.0"), to_number("9" * 400)
    (12, 12.0, inf)
    """
    if len(text) > _MAX_DIGITS:
        return math.inf
    try:
        number = int(text)
    except ValueError:
        return float(text)
    return number if abs(number) < _HIGHEST else math.inf


def all_numbers(text: str, start: int) -> Numbers:
    """Every number in a text that is known to be short, and stands at `start`."""
    return Numbers(tuple(map(to_number, _NUMBER.findall(text))), start, start + len(text))


def number_in(text: str, start: int) -> Number | None:
    """The number that a text is, or None."""
    stripped = text.strip()
    if not _NUMBER.fullmatch(stripped):
        return None
    return Number(to_number(stripped), start, start + len(text))


def numbers_in(text: str, start: int) -> Numbers | None:
    """The two to nine numbers that a text at `start` is, bracketed or not, or None."""
    stripped = text.strip().strip(_BRACKETS).strip()
    if not _LIST.fullmatch(stripped):
        return None
    return all_numbers(stripped, start + text.index(stripped))
