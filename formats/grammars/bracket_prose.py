"""Boxes in brackets between words: `The man [0.228,0.320,0.961,0.970] holds it.`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from groundray.formats.base import ParsedAnswer, Rendered, Wire
from groundray.formats.errors import FormatError
from groundray.formats.grammars.base import MAX_TOKENS, Body
from groundray.formats.grammars.findings import Findings, gathered
from groundray.formats.grammars.loose_strings import MAX_STRING
from groundray.formats.grammars.number_runs import Run
from groundray.formats.grammars.wire_numbers import numbers_in

_NUMBERS = r"[-+.\d][-+\d.,，;；\seE]*"  # noqa: RUF001 - Chinese text has marks of its own
_GROUP = re.compile(rf"[\[(](?:(?<=[\[(])\s{{0,9}}(?P<numbers>{_NUMBERS})[\])]{{1,2}})")
_CUT = re.compile(rf"[\[(]\s{{0,9}}(?P<numbers>(?:{_NUMBERS})?)")
_TEMPLATE = re.compile(r"%0?\d?(?:\.\d)?[dfs]")
_BOX_MARKS = ";；"  # noqa: RUF001
_BOX = re.compile(f"[^{_BOX_MARKS}]+")
_OPENERS = "[("
_BETWEEN = " \t\r\n,;.，。"  # noqa: RUF001
_MAX_GROUPS = MAX_TOKENS // 4


@dataclass(frozen=True, slots=True)
class BracketProse:
    """Boxes in brackets, each label right before them, and all boxes of a label in one bracket.

    Reading takes any brackets. Labels are read where the whole answer is labels and brackets, each
    label touching its bracket; words of a sentence are no labels.

    Attributes:
        number: `%`-template of one number.
        brackets: around the boxes of a label.
        labels: whether labels are written.
        head: what stands before everything.
        tail: what stands after everything.
        comma: what stands between two numbers of a box.
        between_boxes: what stands between two boxes.
        between: what stands between two labels' objects.
    """

    number: str
    brackets: tuple[str, str] = ("[", "]")
    labels: bool = True
    head: str = ""
    tail: str = ""
    comma: str = ","
    between_boxes: str = ";"
    between: str = ", "

    def __post_init__(self) -> None:
        """Refuses what could write no numbers."""
        if not _TEMPLATE.fullmatch(self.number):
            raise FormatError(f"number = {self.number!r}: expected a place, such as %.3f or %03d")

    def label_text(self, label: str) -> str:
        """The label itself."""
        return label

    def render(self, label_texts: Sequence[str], wire: Sequence[Wire]) -> Rendered:
        """The whole answer."""
        if self.labels:
            items = [f"{label}{self._boxes(boxes)}" for label, boxes in gathered(label_texts, wire)]
        else:
            items = [self._boxes(wire)]
        return Rendered(f"{self.head}{self.between.join(items)}{self.tail}")

    def parse(self, body: Body) -> ParsedAnswer:
        """Objects of any text with numbers in brackets."""
        runaway = body.text.count("[") + body.text.count("(") > MAX_TOKENS
        if runaway:
            body = body._replace(text=body.text[: 8 * MAX_TOKENS])
        text = body.text
        findings = Findings(body, 4)
        groups = list(islice(_GROUP.finditer(text), _MAX_GROUPS))
        end = groups[-1].end() if groups else 0
        labels = _labels(text, [group.span() for group in groups])
        for group, label in zip(groups, labels, strict=True):
            _read(findings, label, *group.span("numbers"))
        begun = max(text.rfind("[", end), text.rfind("(", end))
        if runaway or len(groups) == _MAX_GROUPS:
            findings.cut = True
        elif begun >= 0 and (cut := _CUT.fullmatch(text, begun)) is not None:
            label = _label(text[end:begun], labels[-1] if labels else None)
            _read_cut(findings, label, cut.start("numbers"))
        elif any(label is not None for label in labels):
            findings.cut = text[end:].strip().startswith(",")
        return findings.answer()

    def _boxes(self, boxes: Sequence[Wire]) -> str:
        box = self.comma.join([self.number] * 4)
        items = self.between_boxes.join([box % tuple(numbers) for numbers in boxes])
        return f"{self.brackets[0]}{items}{self.brackets[1]}"


def _read(findings: Findings, label: str | None, start: int, stop: int) -> bool:
    """Reads the boxes of a bracket; False where there is none."""
    found = False
    for box in _BOX.finditer(findings.body.text, start, stop):
        numbers = numbers_in(box.group(), box.start())
        if numbers is None or len(findings.objects) == MAX_TOKENS:
            continue
        values = list(numbers.values)
        run = Run(values, [numbers.start] * len(values), [numbers.stop] * len(values))
        if len(values) == findings.count:
            findings.add(label, run)
            found = True
        else:
            findings.bad = True
    return found


def _read_cut(findings: Findings, label: str | None, start: int) -> None:
    """Reads a bracket that the text ends in: its last number may have had more digits."""
    text = findings.body.text
    if findings.body.ended:
        findings.bad |= not _read(findings, label, start, len(text))
        return
    findings.cut = True
    last = max(text.rfind(mark, start) for mark in _BOX_MARKS)
    if last >= 0:
        _read(findings, label, start, last)


def _labels(text: str, spans: Sequence[tuple[int, int]]) -> list[str | None]:
    """The label of each bracket; none at all in a sentence."""
    labels: list[str | None] = []
    end, before = 0, None
    for start, stop in spans:
        before = _label(text[end:start], before) if start - end < MAX_STRING else None
        if before is None:
            return [None] * len(spans)
        labels.append(before)
        end = stop
    rest = text[end:].lstrip()
    return labels if rest.startswith(",") or not rest.strip(_BETWEEN) else [None] * len(spans)


def _label(before: str, last: str | None) -> str | None:
    """The label that stands before a bracket and touches it, or the last one, or None."""
    label = before.rstrip(_OPENERS).lstrip(_BETWEEN)
    if not label:
        return last
    return None if label[-1].isspace() or label.endswith(":") else label
