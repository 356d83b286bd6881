"""PaddleFormers' placeholders: `<ref-object><bbox>, <ref-object><bbox>`.

The trainer fills them in, so the model learns, and says,
`<|object_ref_start|>bowl<|object_ref_end|><|box_start|>(228,320),(961,970)<|box_end|>`, or, where
its special tokens were skipped in decoding, `bowl(228,320),(961,970)`.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from groundray.formats.base import ParsedAnswer, ParsedObject, Rendered, Wire
from groundray.formats.grammars.base import MAX_TOKENS, Body
from groundray.formats.grammars.wire_numbers import COMMA, SHORT, numbers_in, to_number
from groundray.formats.issues import BAD_BOX, TRUNCATED, UNPARSABLE
from groundray.formats.nothing import says_nothing
from groundray.formats.outline import Outline

_OUTLINE = Outline(("<ref-object><bbox>",), objects=("ref", "bbox"))

_TOKEN = re.compile(r"<\|(object_ref_start|object_ref_end|box_start|box_end)\|>")
_POINT = rf"\(\s*({SHORT})\s*{COMMA}\s*({SHORT})\s*\)"
_BOX = re.compile(rf"{_POINT}\s*{COMMA}\s*{_POINT}")
_BETWEEN_BOXES = " \t\r\n,;.，。"  # noqa: RUF001

# Without tokens: a second point that is none, and what follows belongs to the next object.
_MALFORMED = re.compile(rf"{_POINT}\s*{COMMA}\s*\([^()]{{0,99}}\)\s*,\s+")
_POINT_BEGUN = re.compile(r"\(\s*[-+]?\d")
_CUT_POINT = re.compile(r"\([-+\d.,\s]*(?:\)[\s,]*(?:\([-+\d.,\s]*)?)?\Z")


@dataclass(frozen=True, slots=True)
class Placeholders:
    """One placeholder pair an object."""

    def label_text(self, label: str) -> str:
        """The label itself: it travels beside the text, in `objects`."""
        return label

    def render(self, label_texts: Sequence[str], wire: Sequence[Wire]) -> Rendered:
        """Placeholders, and the objects that fill them."""
        return self.outline.render(label_texts, wire)

    @property
    def outline(self) -> Outline:
        """See `Grammar`."""
        return _OUTLINE

    def parse(self, body: Body) -> ParsedAnswer:
        """Objects of both spellings."""
        reading = _Reading(body.offset)
        tokens = _TOKEN.search(body.text) is not None
        cut = (_read_tagged if tokens else _read_plain)(body.text, reading)
        bad = reading.bad or (cut and body.ended)
        issues = (BAD_BOX,) * bad + (TRUNCATED,) * (cut and not body.ended)
        if not (reading.objects or issues or says_nothing(body.text)):
            issues = (UNPARSABLE,)
        return ParsedAnswer(tuple(reading.objects), issues, tuple(reading.spans))


@dataclass(slots=True)
class _Reading:
    """What was read so far.

    Attributes:
        offset: of the text in the whole one.
        objects: in the order of the text.
        spans: of their numbers, in the whole text.
        bad: a box was missing or malformed.
        label: that of the boxes that follow.
        waits: no box of that label was read yet.
    """

    offset: int
    objects: list[ParsedObject] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    bad: bool = False
    label: str | None = None
    waits: bool = False

    def begin(self, label: str) -> None:
        """A label; its boxes follow."""
        self.bad |= self.waits
        self.label = label
        self.waits = True

    def add(self, numbers: Iterable[float], start: int, stop: int) -> None:
        """One box, whose numbers stand from `start` to `stop`."""
        self.waits = False
        wire = tuple(numbers)
        if len(wire) == 4 and all(map(math.isfinite, wire)):
            self.objects.append(ParsedObject(self.label or None, wire))
            self.spans.append((self.offset + start, self.offset + stop))
        else:
            self.bad = True


def _read_tagged(text: str, reading: _Reading) -> bool:
    """Reads a text with tokens; True if it ends inside an object."""
    has_labels = "<|object_ref_start|>" in text
    before, start = "", 0
    for token in islice(_TOKEN.finditer(text), MAX_TOKENS):
        between = text[start : token.start()]
        if before == "object_ref_start":
            reading.begin(between)
        elif before == "box_start":
            _read_boxes(text, start, token.start(), reading)
        elif not has_labels and token.group(1) == "box_start":
            reading.label = between.strip(_BETWEEN_BOXES) or reading.label
        before, start = token.group(1), token.end()
    rest = text[start:]
    if before == "box_start":
        for box in _BOX.finditer(text, start):
            _add(box, reading)
    if before == "object_ref_end" and says_nothing(rest):
        return False
    return reading.waits or before.endswith("_start") or rest.rstrip().endswith(",") or "<|" in rest


def _add(box: re.Match[str], reading: _Reading) -> None:
    reading.add(map(to_number, box.groups()), box.start(1), box.end(4))


def _read_boxes(text: str, start: int, stop: int, reading: _Reading) -> None:
    """Reads what stands between two box tokens: one box, or several."""
    end = start
    for box in _BOX.finditer(text, start, stop):
        reading.bad |= bool(text[end : box.start()].strip(_BETWEEN_BOXES))
        _add(box, reading)
        end = box.end()
    if end > start:
        reading.bad |= bool(text[end:stop].strip(_BETWEEN_BOXES))
    elif says_nothing(text[start:stop]):
        reading.waits = False
    else:
        reading.add(*(numbers_in(text[start:stop], start) or ((), start, stop)))


def _read_plain(text: str, reading: _Reading) -> bool:
    """Reads a text without tokens; True if it ends inside an object."""
    runaway = text.count("(") > MAX_TOKENS
    if runaway:
        text = text[: 8 * MAX_TOKENS]
    end = 0
    for box in _BOX.finditer(text):
        between = text[end : box.start()]
        if "(" in between and (malformed := _MALFORMED.search(between)) is not None:
            reading.bad = True
            between = between[malformed.end() :]
        name = between.lstrip(_BETWEEN_BOXES).rpartition("\n")[2].strip()
        reading.label = name or reading.label
        _add(box, reading)
        end = box.end()
    rest = text[end:].strip()
    if runaway or _CUT_POINT.search(rest[-200:]):
        return True
    if _POINT_BEGUN.search(rest):
        reading.bad = True
    return bool(end) and rest.startswith(",") and not rest.endswith((".", "!"))
