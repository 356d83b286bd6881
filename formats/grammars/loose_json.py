"""Reads JSON as models write it: whatever the text, values come out, in time linear in its length.

Python literals, trailing and missing commas, forgotten brackets and quotes, unquoted keys, prose
around: all of it is read as a person would. What values mean is not decided here.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from groundray.formats.grammars.base import MAX_TOKENS
from groundray.formats.grammars.loose_strings import MAX_STRING, read_quoted, read_unended
from groundray.formats.grammars.wire_numbers import (
    COMMA,
    LIST,
    Number,
    Numbers,
    all_numbers,
    to_number,
)

# A deeper tree is runaway text; what follows is left unread.
_MAX_DEPTH = 100

# A value in prose costs as much as this many tokens of a list.
_GROUP_COST = 4


class Array(list["Value"]):
    """Values in brackets.

    Attributes:
        cut: the text ends before its closing bracket.
    """

    __slots__ = ("cut",)

    def __init__(self) -> None:
        super().__init__()
        self.cut = False


class Object(list[tuple[str, "Value"]]):
    """Keys and values in braces, in order; a key may come again, and "" is no key at all.

    Attributes:
        cut: the text ends before its closing brace.
        key: waits for its value.
    """

    __slots__ = ("cut", "key")

    def __init__(self) -> None:
        super().__init__()
        self.cut = False
        self.key: str | None = None


class _Loose(Array):
    """Numbers after a key whose opening bracket was forgotten."""

    __slots__ = ()


class Text(str):
    """A string that may hold numbers, and where it stands."""

    __slots__ = ("start",)

    start: int


# `Numbers` is a whole bracket of two to nine plain numbers, in any style: [1, 2], (1, 2), <1,2>.
Value = Array | Object | Numbers | Number | str | bool | None


@dataclass(slots=True)
class Group:
    """Values with nothing but white space and commas between them.

    Attributes:
        values: at least one.
        fenced: they stand between code fences.
        cut: the text ends inside the last of them.
    """

    values: list[Value] = field(default_factory=list)
    fenced: bool = False
    cut: bool = False


# Every pattern that is searched for begins with a set of characters, which `re` skips to at the
# speed of memory; what the character was is asked afterwards, by looking behind.

_NUMBERS = (
    rf"(?P<numbers>(?<=[\[(<{{])\s{{0,99}}(?P<list>{LIST})\s{{0,99}}{COMMA}?\s{{0,99}}[\])>}}])"
)
_EXPONENT = r"(?:[eE][-+]?\d+)?"

# In prose a bracket opens a value only where its first character fits one.
_START = re.compile(
    rf"""[\[(<{{`](?:{_NUMBERS}
    |(?P<fence>(?<=`)``)
    |(?P<open>(?<=[\[{{])(?=\s{{0,99}}(?:["'\[\]{{}}(<\d.+-]|[^\W\d]\w*\s*:|(?:None|null)\b|\Z)))
    |)""",
    re.VERBOSE,
)
_TOKEN = re.compile(
    rf"""[\[({{<\]}}"'`\w.+-](?:{_NUMBERS}
    |(?P<open>(?<=[\[{{]))
    |(?P<close>(?<=[\]}}]))
    |(?P<quote>(?<=["']))
    |(?P<number>(?:(?<=\d)|(?<=[+-])\d+)\d*(?:\.\d*)?{_EXPONENT}
        |(?:(?<=\.)|(?<=[+-])\.)\d+{_EXPONENT})
    |(?P<word>(?<=[^\W\d])[^\[\]{{}},:"\n`]*)
    |(?P<fence>(?<=`)``)
    |)""",
    re.VERBOSE,
)
_COLON = re.compile(r"\s*[:：]")  # noqa: RUF001 - the colon of Chinese text
_BETWEEN = re.compile(r"[\s,;]*")
_FENCE = "```"
_WORDS = {"none": None, "null": None, "nil": None, "true": True, "false": False}
_NUMBER_WORDS = {"nan": math.nan, "infinity": math.inf, "inf": math.inf}
_MAY_HOLD_NUMBERS = re.compile(r"[\s\[({<]*[\d.+-]")


def scan(text: str, *, ended: bool) -> list[Group]:
    """All values of a text, in order.

    Args:
        text: prose and JSON, mixed.
        ended: the text is known to be whole: what is still open at its end was forgotten.
    """
    return list(_Scanner(text, ended=ended).groups())


class _Scanner:
    """Reads one text; the stack holds what is open, the outermost first."""

    def __init__(self, text: str, *, ended: bool) -> None:
        self.text = text
        self.ended = ended
        self.position = 0
        self.tokens = 0
        self.stack: list[Array | Object] = []
        self.num_open: dict[str, int] = {"[": 0, "{": 0}

    def groups(self) -> Iterator[Group]:
        """Groups of values, with prose and fences between them."""
        fenced = False
        group = Group()
        while (start := _START.search(self.text, self.position)) is not None:
            between = _BETWEEN.match(self.text, self.position)
            if group.values and (between is None or between.end() < start.start()):
                yield group
                group = Group()
            self.position = start.end()
            self.tokens += _GROUP_COST
            if self.tokens > MAX_TOKENS:
                group.cut = True
                break
            if start.lastgroup == "fence":
                fenced = not fenced
            elif start.lastgroup is not None:
                group.fenced = fenced
                self._start(start, group)
        if group.values:
            yield group
        elif fenced and not self.ended and self._is_blank_fence():
            yield Group([Array()], fenced=True, cut=True)

    def _is_blank_fence(self) -> bool:
        return not self.text[self.position :].strip().removeprefix("json")

    def _start(self, start: re.Match[str], group: Group) -> None:
        if start.lastgroup == "numbers":
            group.values.append(_numbers(start))
            return
        root = _new(start.group())
        group.values.append(root)
        self._push(root)
        self._fill()
        group.cut = root.cut

    def _fill(self) -> None:
        """Reads until the root is closed."""
        while self.stack:
            token = _TOKEN.search(self.text, self.position)
            self.tokens += 1
            if token is None:
                self._stop(cut=not self.ended)
            elif self.tokens > MAX_TOKENS:
                self._stop(cut=True)
            elif token.lastgroup == "fence":
                self.position = token.start()
                self._stop(cut=False)
            else:
                self.position = token.end()
                self._take(token)

    def _stop(self, *, cut: bool) -> None:
        """Leaves everything that is open."""
        for container in self.stack:
            container.cut = cut
        self.stack.clear()
        self.num_open = {"[": 0, "{": 0}

    def _take(self, token: re.Match[str]) -> None:
        kind = token.lastgroup
        if kind == "open":
            self._open(_new(token.group()))
        elif kind == "close":
            self._close("[" if token.group() == "]" else "{")
        elif kind == "quote":
            self._quoted()
        elif kind == "numbers":
            self._put(_numbers(token))
        elif kind is not None and (self.position < len(self.text) or self.ended):
            if kind == "number":
                self._put(Number(to_number(token.group()), token.start(), token.end()))
            else:
                self._word(token.group().strip(), token.start())

    def _open(self, container: Array | Object) -> None:
        if len(self.stack) == _MAX_DEPTH:
            self.tokens = MAX_TOKENS
            return
        self._put(container)
        self._push(container)

    def _push(self, container: Array | Object) -> None:
        self.stack.append(container)
        self.num_open[_bracket(container)] += 1

    def _pop(self) -> Array | Object:
        container = self.stack.pop()
        self.num_open[_bracket(container)] -= 1
        return container

    def _close(self, bracket: str) -> None:
        """Closes the innermost container of a kind, and those in it that were left open."""
        top = self.stack[-1]
        if bracket == "[" and isinstance(top, Object) and top and isinstance(top[-1][1], _Loose):
            return
        if self.num_open[bracket]:
            while _bracket(self._pop()) != bracket:
                pass

    def _put(self, value: Value) -> None:
        """Adds a value to what is open; to an object without a key only where that makes sense."""
        top = self.stack[-1]
        if isinstance(top, Array):
            top.append(value)
        elif top.key is not None:
            top.append((top.key, value))
            top.key = None
        elif isinstance(value, Array | Object):
            top.append(("", value))
        elif top and isinstance(value, Number):
            key, last = top[-1]
            if isinstance(last, _Loose):
                last.append(value)
            elif isinstance(last, Number):
                loose = _Loose()
                loose.extend((last, value))
                top[-1] = (key, loose)

    @property
    def _expects_value(self) -> bool:
        top = self.stack[-1]
        return isinstance(top, Object) and top.key is not None

    def _quoted(self) -> None:
        is_value = self._expects_value
        start = self.position
        quoted = read_quoted(self.text, start, is_value=is_value)
        if quoted is not None:
            self.position = quoted.end
            self._key_or_value(quoted.text, start, is_value=is_value)
            return
        fence = self.text.find(_FENCE, start, start + MAX_STRING)
        self.position = len(self.text) if fence < 0 else fence
        if self.position - start > MAX_STRING:
            self.tokens = MAX_TOKENS
        elif is_value and (fence >= 0 or self.ended):
            self._put(_text(read_unended(self.text[start : self.position]), start))

    def _word(self, word: str, start: int) -> None:
        lowered = word.casefold()
        if lowered in _WORDS:
            self._put(_WORDS[lowered])
        elif lowered in _NUMBER_WORDS:
            self._put(Number(_NUMBER_WORDS[lowered], start, start + len(word)))
        else:
            self._key_or_value(word, start, is_value=self._expects_value)

    def _key_or_value(self, text: str, start: int, *, is_value: bool) -> None:
        colon = None if is_value else _COLON.match(self.text, self.position)
        if colon is None:
            self._put(_text(text, start))
        else:
            self.position = colon.end()
            self._object_for_key().key = text

    def _object_for_key(self) -> Object:
        """The innermost object; in a list, a bracket or a brace was forgotten."""
        top = self.stack[-1]
        if isinstance(top, Array) and top and all(isinstance(each, Number) for each in top):
            around = self.stack[-2] if len(self.stack) > 1 else None
            if isinstance(around, Object):
                self._pop()
                return around
        if isinstance(top, Object):
            return top
        missing = Object()
        self._open(missing)
        return missing


def _numbers(match: re.Match[str]) -> Numbers:
    return all_numbers(match["list"], match.start("list"))


def _text(text: str, start: int) -> str:
    if text[:1].isalpha() or _MAY_HOLD_NUMBERS.match(text) is None:
        return text
    placed = Text(text)
    placed.start = start
    return placed


def _new(bracket: str) -> Array | Object:
    return Array() if bracket == "[" else Object()


def _bracket(container: Array | Object) -> str:
    return "[" if isinstance(container, Array) else "{"
