"""Labels and boxes between tags: `<|ref|>cat<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from groundray.formats.base import ParsedAnswer, Rendered, Wire
from groundray.formats.grammars.base import MAX_TOKENS, Body
from groundray.formats.grammars.findings import Findings, gathered
from groundray.formats.grammars.number_runs import (
    NumberPatterns,
    begun_token,
    number_patterns,
    number_runs,
    require_count,
    require_template,
)
from groundray.formats.nothing import says_nothing

_BETWEEN = " \t\r\n,;.，。、"  # noqa: RUF001
_BRACKETS = "[](){}"
_BEFORE_BOX = " \t\r\n:[("
_OPENED = re.compile(r"[\[(]\s{0,8}\Z")


@dataclass(frozen=True)
class PairedTags:
    """Each label between two tags, its boxes between two others.

    The boxes of a label stand together. Answers whose tags were skipped in decoding parse too.

    Attributes:
        label_tags: around a label; None where the answer names none.
        box_tags: around the boxes of a label.
        number: `%`-template of one number: `%d`, or a token such as `<%d>`.
        comma: what stands between two numbers of a box.
        brackets: around each box.
        list_brackets: around all boxes of a label.
        between_boxes: what stands between two boxes of a label.
        between: what stands between two labels' objects.
        lead: what stands before a label, within its tags.
        count: how many numbers a box has.
        sorted_by: how many leading numbers sort the boxes of a label; 0 leaves them in order.
    """

    label_tags: tuple[str, str] | None
    box_tags: tuple[str, str]
    number: str = "%d"
    comma: str = ", "
    brackets: tuple[str, str] = ("", "")
    list_brackets: tuple[str, str] = ("", "")
    between_boxes: str = ", "
    between: str = ""
    lead: str = ""
    count: int = 4
    sorted_by: int = 0

    def __post_init__(self) -> None:
        """Refuses what could write no numbers."""
        require_template("number", self.number)
        require_count(self.count)

    def label_text(self, label: str) -> str:
        """The label itself."""
        return label

    def render(self, label_texts: Sequence[str], wire: Sequence[Wire]) -> Rendered:
        """The whole answer."""
        if self.label_tags is None:
            return Rendered(self._boxes(wire))
        before, after = self.label_tags
        return Rendered(
            self.between.join(
                f"{before}{self.lead}{label}{after}{self._boxes(boxes)}"
                for label, boxes in gathered(label_texts, wire, sorted_by=self.sorted_by)
            )
        )

    def parse(self, body: Body) -> ParsedAnswer:
        """Objects of any text with such tags, or without any."""
        findings = Findings(body, self.count)
        if self._tag.search(body.text) is None:
            self._read_plain(findings)
        else:
            self._read_tagged(findings)
        return findings.answer()

    def _read_tagged(self, findings: Findings) -> None:
        text = findings.body.text
        label, waits = None, False  # of the boxes that follow; none of them was read yet
        before, start = "", 0
        for tag in islice(self._tag.finditer(text), MAX_TOKENS):
            stop = tag.start()
            if before == "label":
                findings.bad |= waits
                label, waits = findings.label(start, stop).strip() or None, True
            elif before == "boxes":
                waits &= not self._read_boxes(findings, label, start, stop)
            elif before == "end of boxes" and text[start:stop].strip(_BETWEEN):
                label = None
            before, start = self._tags[tag.group()], tag.end()
        if before == "boxes":
            self._read_boxes(findings, label, start, None)
        else:
            rest = text[start:]
            waits &= not says_nothing(rest)
            findings.cut = waits or before == "label" or rest.rstrip().endswith(",")
            findings.cut |= begun_token(text) < len(text)

    def _read_boxes(
        self, findings: Findings, label: str | None, start: int, stop: int | None
    ) -> bool:
        """Reads what stands after the tag that begins boxes.

        Args:
            findings: where they go.
            label: theirs.
            start: after the tag.
            stop: before the next tag; None where there is none, and the text ends in here.

        Returns:
            Whether anything is there: a box, something that should be one, or words for none.
        """
        text = findings.body.text
        closed = stop is not None
        stop = len(text) if stop is None else stop
        end, wrong = start, False
        for run in number_runs(text, self._patterns, start, stop):
            findings.bad |= wrong
            end = run.stops[-1]
            wrong = len(run.numbers) != self.count or self._may_go_on(findings.body, end)
            if not wrong:
                findings.add(label, run)
        rest = text[end:stop].strip(_BETWEEN)
        if end == start and closed and (rest == "[]" or says_nothing(rest)):
            findings.nothing = True
            return True
        amiss = wrong or bool(rest.strip(_BRACKETS))
        if closed:
            findings.bad |= amiss
        else:
            findings.cut = amiss or not findings.body.ended
        return end > start or bool(rest)

    def _read_plain(self, findings: Findings) -> None:
        """Reads a text without tags: each label before its boxes; bare numbers in brackets only."""
        text = findings.body.text
        end, wrong, label = 0, False, None
        for run in number_runs(text, self._patterns):
            start, stop = run.starts[0], run.stops[-1]
            if self._patterns.bare and not _OPENED.search(text, max(0, start - 9), start):
                continue
            findings.bad |= wrong
            before = findings.label(end, start).rpartition("\n")[2]
            label = before.lstrip(_BETWEEN).rstrip(_BEFORE_BOX) or label
            end = stop
            wrong = len(run.numbers) != self.count or self._may_go_on(findings.body, stop)
            if not wrong:
                findings.add(label, run)
        begun = begun_token(text)
        rest = text[end:begun].strip(_BETWEEN + _BRACKETS)
        findings.bad |= wrong and bool(rest)
        findings.cut = wrong and not rest
        findings.cut |= begun < len(text) or (end > 0 and text.rstrip().endswith(","))

    def _may_go_on(self, body: Body, end: int) -> bool:
        """Whether the text ends in a bare number, which may have had more digits."""
        return self._patterns.bare and end == len(body.text) and not body.ended

    def _boxes(self, boxes: Sequence[Wire]) -> str:
        items = self.between_boxes.join([self._box % tuple(box) for box in boxes])
        before, after = self.box_tags
        return f"{before}{self.list_brackets[0]}{items}{self.list_brackets[1]}{after}"

    @cached_property
    def _patterns(self) -> NumberPatterns:
        return number_patterns(self.number)

    @cached_property
    def _box(self) -> str:
        """`%`-template of one box."""
        numbers = self.comma.join([self.number] * self.count)
        return f"{self.brackets[0]}{numbers}{self.brackets[1]}"

    @cached_property
    def _tags(self) -> dict[str, str]:
        """What follows each tag."""
        begin, end = self.box_tags
        follows = {begin: "boxes", end: "end of boxes"}
        if self.label_tags is not None:
            begin, end = self.label_tags
            follows |= {begin: "label", end: "end of label"}
        return follows

    @cached_property
    def _tag(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, self._tags)))
