"""Labels and runs of location tokens: `car<loc_52><loc_332><loc_932><loc_774>door<loc_710>...`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from groundray.formats.base import ParsedAnswer, Rendered, Wire
from groundray.formats.grammars.base import Body
from groundray.formats.grammars.findings import Findings, gathered
from groundray.formats.grammars.number_runs import (
    NumberPatterns,
    Run,
    begun_token,
    ignored_pattern,
    number_patterns,
    number_runs,
    require_count,
    require_template,
    split_template,
)
from groundray.formats.nothing import says_nothing
from groundray.formats.outline import Field, Outline

# Words for none stand at the start or the end of an answer.
_ENDS = 4000
_AROUND_LABEL = " \t\r\n,;"


@dataclass(frozen=True)
class TokenRun:
    """Each object's label, and its numbers as tokens without anything between them.

    Attributes:
        token: `%`-template of one number, such as `<loc%04d>`.
        label: whether the label stands before or after its numbers.
        between: what stands between two objects.
        count: how many numbers an object has.
        gathers: the boxes of a label stand together, in one run.
        ignored: templates of tokens that mean nothing here.
    """

    token: str
    label: Literal["before", "after"] = "before"
    between: str = ""
    count: int = 4
    gathers: bool = False
    ignored: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuses what could write no numbers."""
        require_template("token", self.token)
        require_count(self.count)

    def label_text(self, label: str) -> str:
        """The label itself."""
        return label

    def render(self, label_texts: Sequence[str], wire: Sequence[Wire]) -> Rendered:
        """The whole answer."""
        if self.outline is not None:
            return self.outline.render(label_texts, wire)
        run = self.token * self.count
        items = [
            (label, "".join([run % tuple(box) for box in boxes]))
            for label, boxes in gathered(label_texts, wire)
        ]
        if self.label == "before":
            texts = [f"{label}{run}" for label, run in items]
        else:
            texts = [f"{run} {label}" for label, run in items]
        return Rendered(self.between.join(texts))

    def parse(self, body: Body) -> ParsedAnswer:
        """Objects of any text with such tokens."""
        findings = Findings(body, self.count)
        runs = number_runs(body.text, self._patterns)
        if self.label == "before":
            self._read_labels_before(findings, runs)
        else:
            self._read_labels_after(findings, runs)
        if not findings.objects:
            ends = f"{body.text[:_ENDS]} {body.text[_ENDS:][-_ENDS:]}"
            findings.nothing = says_nothing(self._clean(ends))
        return findings.answer()

    def _read_labels_before(self, findings: Findings, runs: Iterator[Run]) -> None:
        text = findings.body.text
        end, left_over = 0, 0
        for run in runs:
            findings.bad |= left_over > 0
            label = self._clean(findings.label(end, run.starts[0])).rpartition("\n")[2].lstrip()
            left_over = findings.add(label or None, run)
            end = run.stops[-1]
        rest = self._clean(text[end:])
        findings.bad |= bool(left_over and rest and begun_token(rest) > 0)
        findings.cut = bool(left_over or (end and rest)) or begun_token(text) < len(text)

    def _read_labels_after(self, findings: Findings, runs: Iterator[Run]) -> None:
        text = findings.body.text
        last = next(runs, None)
        for run in runs:
            if last is not None:
                label = self._clean(findings.label(last.stops[-1], run.starts[0]))
                findings.bad |= findings.add(label or None, last) > 0
            last = run
        end = begun_token(text)
        findings.cut = end < len(text)
        if last is None:
            return
        rest = findings.label(last.stops[-1], end)
        label = self._clean(rest)
        labelled = any(found.category for found in findings.objects)
        left_over = findings.add(label or None, last)
        findings.bad |= bool(left_over and label)
        findings.cut |= bool(left_over) or rest.rstrip().endswith(";") or (labelled and not label)

    def _clean(self, label: str) -> str:
        return self._ignored.sub("", label).strip(_AROUND_LABEL)

    @cached_property
    def outline(self) -> Outline | None:
        """See `Grammar`; gathered boxes have none."""
        if self.gathers:
            return None
        before, number, after = split_template(self.token)
        run = (before, Field.NUMBER, after) * self.count
        item = (Field.LABEL, *run) if self.label == "before" else (*run, " ", Field.LABEL)
        return Outline(item, between=self.between, number=number)

    @cached_property
    def _patterns(self) -> NumberPatterns:
        return number_patterns(self.token, self.ignored)

    @cached_property
    def _ignored(self) -> re.Pattern[str]:
        return ignored_pattern(self.ignored)
