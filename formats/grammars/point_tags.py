"""Points as attributes of tags: `<point x="10.5" y="20.1" alt="cat">cat</point>`.

Several of one label: `<points x1="10.5" y1="20.1" x2="30.0" y2="40.2" alt="cat">cat</points>`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from groundray.formats.base import ParsedAnswer, Rendered, Wire
from groundray.formats.grammars.base import MAX_TOKENS, Body
from groundray.formats.grammars.findings import Findings, gathered
from groundray.formats.grammars.number_runs import Run, begun_token
from groundray.formats.grammars.wire_numbers import SHORT, to_number

_TAG = re.compile(r"<(?P<slash>/?)points?\b")
_ATTRIBUTE = re.compile(
    rf"""[xXyYa>](?:
    (?P<pair>(?<=\s[xX])(?P<index>\d{{0,9}})\s?=\s?["']?\s?(?P<x>{SHORT})\s?["']?[\s,]{{1,9}}
        [yY](?P=index)\s?=\s?["']?\s?(?P<y>{SHORT})(?=[\s"'>/]))
    |(?P<odd>(?<=\s[xXyY])\d{{0,9}}\s?=)
    |(?P<alt>(?<=\sa)lt\s?=\s?(?P<quote>["']))
    |(?P<end>(?<=>))
    )""",
    re.VERBOSE,
)
_PLAIN = re.compile(rf"\(\s?(?P<x>{SHORT}),?\s?(?P<y>{SHORT})\s?\)")

# A point costs as much as this many tokens.
_MOST = MAX_TOKENS // 4

# The next attribute of a tag stands within so many characters, or it has no more.
_NEAR = 1000


@dataclass(frozen=True, slots=True)
class PointTags:
    """One tag a label, with its points as attributes, sorted by x and then by y.

    Attributes:
        between: what stands between the tags of two labels.
    """

    between: str = "\n"

    def label_text(self, label: str) -> str:
        """The label itself."""
        return label

    def render(self, label_texts: Sequence[str], wire: Sequence[Wire]) -> Rendered:
        """The whole answer."""
        tags = [
            _written(label, points) for label, points in gathered(label_texts, wire, sorted_by=2)
        ]
        return Rendered(self.between.join(tags))

    def parse(self, body: Body) -> ParsedAnswer:
        """Objects of any text with such tags, or with points in brackets."""
        findings = Findings(body, count=2)
        tag: _Tag | None = None
        tokens = 0
        for name in islice(_TAG.finditer(body.text), _MOST):
            if tag is not None:
                tokens += tag.read(body.text, name.start(), _MOST - tokens)
                tag.close(findings, name.start())
            tag = None if name["slash"] else _Tag(name.end())
        if tag is not None:
            tag.read(body.text, len(body.text), _MOST - tokens)
            tag.cut_off(findings)
        findings.cut |= begun_token(body.text) < len(body.text)
        if not findings.objects:
            points = _PLAIN.finditer(body.text, 0, 8 * MAX_TOKENS)
            findings.add(None, _run(islice(points, _MOST)))
        return findings.answer()


def _written(label: str, points: Sequence[Wire]) -> str:
    if len(points) == 1:
        x, y = points[0]
        return f'<point x="{x:.1f}" y="{y:.1f}" alt="{label}">{label}</point>'
    pairs = " ".join(f'x{i}="{x:.1f}" y{i}="{y:.1f}"' for i, (x, y) in enumerate(points, start=1))
    return f'<points {pairs} alt="{label}">{label}</points>'


@dataclass(slots=True)
class _Tag:
    """A tag that is being read.

    Attributes:
        start: after its name.
        points: matches of its coordinates.
        odd: it has a coordinate that is not half of a point.
        quote: what is around its `alt`, "" without one.
        text_start: where its `alt`, or without one its text, begins; None while neither has.
    """

    start: int
    points: list[re.Match[str]] = field(default_factory=list)
    odd: bool = False
    quote: str = ""
    text_start: int | None = None

    def read(self, text: str, stop: int, most: int) -> int:
        """Reads its attributes, at most so many; returns how many there are."""
        position = self.start
        for count in range(most):
            token = _ATTRIBUTE.search(text, position, min(stop, position + _NEAR))
            if token is None:
                return count
            position = token.end()
            if token.lastgroup == "pair":
                self.points.append(token)
            elif token.lastgroup == "odd":
                self.odd = True
            else:
                self.text_start = position
                self.quote = token["quote"] or ""
                return count
        return most

    def close(self, findings: Findings, stop: int) -> None:
        """Adds the points: the tag is closed there, or the next one begins."""
        findings.bad |= self.odd or not self.points or self.text_start is None
        findings.add(self._label(findings, stop), _run(self.points))

    def cut_off(self, findings: Findings) -> None:
        """Adds the points of a tag that is open where the text ends."""
        findings.cut = True
        stop = len(findings.body.text)
        whole = self.quote and self.text_start is not None
        alt = findings.label(self.text_start or stop, stop).partition(f"{self.quote or '>'}>")
        findings.add((whole and alt[1] and alt[0].strip()) or None, _run(self.points))

    def _label(self, findings: Findings, stop: int) -> str | None:
        """The label, which official code writes twice: `alt="cat">cat`."""
        if self.text_start is None:
            return None
        text = findings.label(self.text_start, stop)
        if not self.quote:
            return text.strip() or None
        half = max(0, (len(text) - 2) // 2)
        if text[:half] == text[half + 2 :]:
            return text[:half].strip() or None
        alt, end, label = text.partition(f"{self.quote}>")
        if not end:
            alt, label = text.partition(f"{self.quote}/>")[0], ""
        return label.strip() or alt.strip(f"{self.quote}> \t\r\n") or None


def _run(points: Iterable[re.Match[str]]) -> Run:
    numbers: list[float] = []
    starts: list[int] = []
    stops: list[int] = []
    for point in points:
        for axis in ("x", "y"):
            numbers.append(to_number(point[axis]))
            starts.append(point.start(axis))
            stops.append(point.end(axis))
    return Run(numbers, starts, stops)
