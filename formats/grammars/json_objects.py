"""JSON, as models write it: `[{"bbox_2d": [228, 320, 961, 970], "label": "bowl"}]`."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from groundray.formats.base import ParsedAnswer, ParsedObject, Rendered, Wire
from groundray.formats.errors import FormatError
from groundray.formats.grammars.base import MAX_TOKENS, Body
from groundray.formats.grammars.json_meaning import Meaning, meaning_of
from groundray.formats.grammars.loose_json import Group, scan
from groundray.formats.grammars.number_runs import require_count
from groundray.formats.grammars.wire_numbers import numbers_in
from groundray.formats.issues import BAD_BOX, TRUNCATED, UNPARSABLE
from groundray.formats.nothing import says_nothing
from groundray.formats.outline import Field, Outline

_BOX_TOKEN = re.compile(r"<\|(?:(begin)|end)_of_box\|>")

# Parts of an answer that begin later are left unread: together they cost what one would.
_LONGEST = 8 * MAX_TOKENS


@dataclass(frozen=True)
class Json:
    """Objects in a JSON text of a fixed layout; reading takes any layout and any usual key.

    Attributes:
        item: text of one object; `{box}` and `{label}` stand for its numbers in brackets and its
            label in quotes. Without `{label}` the text names no labels.
        head: what stands before the first object.
        between: what stands between two.
        tail: what stands after the last.
        comma: what stands between two numbers of a box.
        brackets: around the numbers of a box; tags in their place are read as brackets.
        count: how many numbers a box has.
    """

    item: str
    head: str = "["
    between: str = ", "
    tail: str = "]"
    comma: str = ", "
    brackets: tuple[str, str] = ("[", "]")
    count: int = 4

    def __post_init__(self) -> None:
        """Refuses an item that could not carry a box."""
        require_count(self.count)
        if self.item.count("{box}") != 1 or self.item.count("{label}") > 1:
            raise FormatError(
                f"item = {self.item!r}: expected one {{box}}, and one {{label}} or none"
            )

    def label_text(self, label: str) -> str:
        """The label in quotes, with non-ASCII characters as they are."""
        return json.dumps(label, ensure_ascii=False)

    def render(self, label_texts: Sequence[str], wire: Sequence[Wire]) -> Rendered:
        """The whole answer."""
        return self.outline.render(label_texts, wire)

    def parse(self, body: Body) -> ParsedAnswer:
        """Objects of any JSON-like answer."""
        body = self._with_brackets(body)
        parts = _boxed_parts(body)
        meanings = [self._read(part) for part in parts]
        last = parts[-1]
        is_open = not (last.ended or last.text.strip())  # the text ends after the opening token
        if last is not body and (is_open or len(body.text) > _LONGEST):
            meanings[-1].cut = True
        if parts[0] is not body and not any(map(_claims, meanings)):
            meanings = [self._read(body._replace(text=_BOX_TOKEN.sub(_blanks, body.text)))]
        objects: list[ParsedObject] = []
        spans: list[tuple[int, int]] = []
        seen: set[tuple[ParsedObject, ...]] = set()
        for meaning in meanings:
            stated = tuple(meaning.objects)
            if stated not in seen:
                objects += stated
                spans += meaning.spans
                seen.add(stated)
        return ParsedAnswer(tuple(objects), _issues(meanings), tuple(spans))

    def _with_brackets(self, body: Body) -> Body:
        """The body with brackets, and blanks to the same length, in place of the tags of boxes."""
        if self.brackets == ("[", "]"):
            return body
        text = body.text
        for tag, bracket in zip(self.brackets, "[]", strict=True):
            text = text.replace(tag, bracket.ljust(len(tag)))
        return body._replace(text=text)

    def _read(self, part: Body) -> Meaning:
        groups = scan(part.text, ended=part.ended)
        if not groups and (numbers := numbers_in(part.text, 0)) is not None:
            groups = [Group([numbers])]
        meaning = meaning_of(groups, count=self.count)
        if part.offset:
            offset = part.offset
            meaning.spans = [(start + offset, stop + offset) for start, stop in meaning.spans]
        if not _claims(meaning):
            meaning.nothing = says_nothing(part.text)
        return meaning

    @cached_property
    def outline(self) -> Outline:
        """See `Grammar`."""
        numbers: list[str | Field] = [Field.NUMBER, self.comma] * self.count
        box = (self.brackets[0], *numbers[:-1], self.brackets[1])
        pieces: list[str | Field] = []
        for piece in re.split(r"(\{box\}|\{label\})", self.item):
            if piece == "{box}":
                pieces += box
            else:
                pieces.append(Field.LABEL if piece == "{label}" else piece)
        return Outline(tuple(pieces), head=self.head, between=self.between, tail=self.tail)


def _boxed_parts(body: Body) -> list[Body]:
    """The parts between GLM's box tokens, each of which is an answer; or the whole, without any."""
    parts: list[Body] = []
    start, is_open = 0, False
    for token in islice(_BOX_TOKEN.finditer(body.text, 0, _LONGEST), MAX_TOKENS // 10):
        begins = token.group(1) is not None
        if is_open or not (begins or parts):
            text = body.text[start : token.start()]
            parts.append(Body(text, ended=True, offset=body.offset + start))
        start, is_open = token.end(), begins
    if start == 0:
        return [body]
    if is_open:
        parts.append(Body(body.text[start:], body.ended, body.offset + start))
    return parts


def _blanks(token: re.Match[str]) -> str:
    """As many blanks as the token has characters."""
    return " " * len(token.group())


def _claims(meaning: Meaning) -> bool:
    return bool(meaning.objects) or meaning.bad or meaning.nothing or meaning.cut


def _issues(meanings: Sequence[Meaning]) -> tuple[str, ...]:
    bad = any(meaning.bad for meaning in meanings)
    cut = any(meaning.cut for meaning in meanings)
    if not any(map(_claims, meanings)):
        return (BAD_BOX,) if any(meaning.stray for meaning in meanings) else (UNPARSABLE,)
    return (BAD_BOX,) * bad + (TRUNCATED,) * cut
