"""Numbers as models write them."""

import math
import re

SHORT = r"[-+]?(?:\d{1,32}(?:\.\d{0,32})?|\.\d{1,32})(?:[eE][-+]?\d{1,3})?"
"""Pattern of a number; bounded, so that a runaway one costs nothing before it is refused."""

COMMA = "[,，]"  # noqa: RUF001 - Chinese text has a comma of its own
"""Pattern of what stands between two numbers."""

LIST = rf"{SHORT}(?:(?:\s{{0,99}}{COMMA}\s{{0,99}}|\s{{1,99}}){SHORT}){{1,8}}"
"""Pattern of two to nine numbers."""

Numbers = tuple[float, ...]

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


def all_numbers(text: str) -> Numbers:
    """Every number in a text that is known to be short."""
    return tuple(map(to_number, _NUMBER.findall(text)))


def number_in(text: str) -> float | None:
    """The number that a text is, or None."""
    stripped = text.strip()
    return to_number(stripped) if _NUMBER.fullmatch(stripped) else None


def numbers_in(text: str) -> Numbers | None:
    """The two to nine numbers that a text is, bracketed or not, or None."""
    stripped = text.strip().strip(_BRACKETS).strip()
    return all_numbers(stripped) if _LIST.fullmatch(stripped) else None
