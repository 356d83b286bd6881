"""Runs of numbers in a text: those of a box, or of several boxes without anything between them.

A number is a token of its own, `<loc0327>`, or bare digits with commas or spaces between.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from groundray.formats.errors import FormatError
from groundray.formats.grammars.base import MAX_TOKENS
from groundray.formats.grammars.wire_numbers import COMMA, to_number

# Begins with a digit, which a search skips to at the speed of memory; a sign is looked for behind.
# Digits are not bounded: after a bound the rest of a runaway number would be another one.
_BARE = r"[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]{1,3})?"
_SIGN = re.compile(r"(?:[-+]|[-+]?\.)\Z")
_SIGN_ALONE = re.compile(r"[-+]\Z")
_BARE_GAP = rf"\s{{0,99}}{COMMA}\s{{0,99}}|\s{{1,99}}"
_MAX_GAP = 200

_PLACE = re.compile(r"%0?\d?d")
_MOST_NUMBERS = 16
_BEGUN = re.compile(r"<[^<>\s]{0,40}\Z")


def require_count(count: int) -> None:
    """Refuses a number of numbers that no object has.

    Raises:
        FormatError: it is not 1 to 16.
    """
    if not 1 <= count <= _MOST_NUMBERS:
        raise FormatError(f"count = {count}: expected 1 to {_MOST_NUMBERS} numbers an object")


def require_template(key: str, template: str) -> None:
    """Refuses a template that does not write one number.

    Raises:
        FormatError: it has no place such as `%d` or `%04d`, several, or another `%`.
    """
    if len(_PLACE.findall(template)) != 1 or "%" in _PLACE.sub("", template):
        raise FormatError(f"{key} = {template!r}: expected one place for a number, such as %04d")


def split_template(template: str) -> tuple[str, str, str]:
    """What stands before the number of a template, the number's own template, and what follows.

    >>> split_template("<loc%04d>")
    ('<loc', '%04d', '>')
    """
    place = _PLACE.findall(template)[0]
    before, _, after = template.partition(place)
    return before, place, after


@dataclass(frozen=True, slots=True)
class NumberPatterns:
    """How numbers are found.

    Attributes:
        number: a number without its sign; the value is its first group, or the whole.
        gap: what may stand between two numbers of one run, whole.
        bare: numbers are not tokens: one at the end of a text may be cut off.
    """

    number: re.Pattern[str]
    gap: re.Pattern[str]
    bare: bool


def number_patterns(template: str, ignored: Sequence[str] = ()) -> NumberPatterns:
    """Patterns of numbers that are written as `<loc%04d>`, say, or bare as `%d`.

    Args:
        template: `%`-template of one number.
        ignored: templates of tokens that may stand anywhere and mean nothing.
    """
    if _PLACE.fullmatch(template):
        return NumberPatterns(re.compile(_BARE), re.compile(_BARE_GAP), bare=True)
    nothing = "|".join([r"\s", *map(_token, ignored)])
    return NumberPatterns(
        re.compile(_token(template)), re.compile(f"(?:{nothing}){{0,9}}"), bare=False
    )


def ignored_pattern(ignored: Sequence[str]) -> re.Pattern[str]:
    """Finds tokens that mean nothing, written as templates; nothing at all where there are none."""
    return re.compile("|".join(map(_token, ignored)) or r"\Z(?!\Z)")


def _token(template: str) -> str:
    """Pattern of a template; the number, if it has one, is a group."""
    head, *tail = _PLACE.split(template)
    return re.escape(head) + "".join(r"(\d{1,32})" + re.escape(part) for part in tail)


class Run(NamedTuple):
    """Numbers, and where each of them stands."""

    numbers: list[float]
    starts: list[int]
    stops: list[int]


def number_runs(
    text: str, patterns: NumberPatterns, start: int = 0, stop: int | None = None
) -> Iterator[Run]:
    """Runs of numbers, in order; what follows the first half million numbers is left unread."""
    stop = len(text) if stop is None else stop
    run = Run([], [], [])
    for match in islice(patterns.number.finditer(text, start, stop), MAX_TOKENS):
        at, number = match.start(), match[match.lastindex or 0]
        if patterns.bare and text[at - 1 : at] in {"-", "+", "."}:
            before = run.stops[-1] if run.stops else start
            at = _signed(text, max(before, start, at - 2), at, pointed="." in number)
            number = text[at : match.end()]
        if run.stops and not _adjoin(text, run.stops[-1], at, patterns.gap):
            yield run
            run = Run([], [], [])
        run.numbers.append(to_number(number))
        run.starts.append(at)
        run.stops.append(match.end())
    if run.stops:
        yield run


def _signed(text: str, start: int, at: int, *, pointed: bool) -> int:
    """Where a number begins whose first digit stands at `at`: its sign and point may be before.

    One that is pointed has its point already.
    """
    sign = (_SIGN_ALONE if pointed else _SIGN).search(text, start, at)
    return at if sign is None else sign.start()


def _adjoin(text: str, stop: int, start: int, gap: re.Pattern[str]) -> bool:
    return start - stop <= _MAX_GAP and gap.fullmatch(text, stop, start) is not None


def begun_token(text: str) -> int:
    """Position of a token that the end of a text cuts off, or its length where there is none."""
    begun = _BEGUN.search(text, max(0, len(text) - 50))
    return len(text) if begun is None else begun.start()
