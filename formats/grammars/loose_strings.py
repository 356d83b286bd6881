"""Strings as models quote them: where one ends although its quotes are wrong, and what it says."""

import re
from typing import NamedTuple

MAX_STRING = 10_000
"""A longer string is no label but runaway text."""


class Quoted(NamedTuple):
    """A string that was read.

    Attributes:
        text: what it says.
        end: position after it, and after its last quote if it has one.
    """

    text: str
    end: int


def _end_pattern(quote: str, *, is_value: bool) -> re.Pattern[str]:
    """Finds the quote that ends a string, or the place where a forgotten one should be.

    A quote inside a label (`15" screen`, `'woman's hat'`) is told from the last one by what follows
    that: a bracket, a colon after a key, a comma and something that can start a member, the end.
    A value whose quote was forgotten ends before the next key.
    """
    zero, two, four = (rf"(?<=(?<!\\){backslashes}.)" for backslashes in ("", r"\\\\", r"\\\\\\\\"))
    unescaped = rf"(?<={quote})(?:{zero}|{two}|{four})(?!{quote})"
    after = r"""\s*(?:[}\]{]|\Z|```)
        |\s+["']
        |\s*,\s*(?:["'{}\[\]\d.-]|\w+\s*:|(?:None|null|[Tt]rue|[Ff]alse|NaN)\b|\Z)"""
    if not is_value:
        after += r"|\s*[:：]"  # noqa: RUF001 - the colon of Chinese text
    forgotten = rf"|(?P<forgotten>(?<=[,{{])\s*{quote}\w{{1,40}}{quote}\s*:)" if is_value else ""
    return re.compile(rf"[,{{{quote}](?:(?P<end>{unescaped}(?={after})){forgotten})", re.VERBOSE)


_END = {
    (quote, is_value): _end_pattern(quote, is_value=is_value)
    for quote in "\"'"
    for is_value in (True, False)
}
_CLOSERS = "}] \t\r\n"
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_SURROGATES = re.compile("[\ud800-\udfff]+")


def read_quoted(text: str, start: int, *, is_value: bool) -> Quoted | None:
    """The string whose first quote is before `start`, or None if nothing ends it.

    Args:
        text: the whole text.
        start: position after the first quote.
        is_value: it stands after a key, so that a colon does not end it, but another key does.
    """
    limit = start + MAX_STRING
    end = _END[text[start - 1], is_value].search(text, start, limit)
    if end is None or end.end() == limit:
        return None
    if end.lastgroup == "forgotten":
        raw = text[start : end.start()].rstrip(f",{{{_CLOSERS}")
        return Quoted(unescape(raw), start + len(raw))
    return Quoted(unescape(text[start : end.end() - 1]), end.end())


def read_unended(text: str) -> str:
    """What a string says whose last quote was forgotten at the end of the text."""
    return unescape(text.rstrip(_CLOSERS))


def unescape(raw: str) -> str:
    """The text of JSON or Python escapes; a backslash before anything else is dropped."""
    if "\\" not in raw:
        return raw
    text = _ESCAPE.sub(_escaped, raw)
    if _SURROGATES.search(text):  # JSON escapes a character beyond the BMP as a pair of them
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def well_formed(text: str) -> str:
    """The text with each surrogate, which no file can store, replaced by one character."""
    return text if text.isascii() else _SURROGATES.sub(_replaced, text)


def _replaced(surrogates: re.Match[str]) -> str:
    return "\ufffd" * len(surrogates.group())


def _escaped(escape: re.Match[str]) -> str:
    code, character = escape.groups()
    return chr(int(code, 16)) if code else _ESCAPED.get(character, character)
