"""What grammars of tags and tokens share: gathering objects to write, and those that are read."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from groundray.formats.base import ParsedAnswer, ParsedObject, Wire
from groundray.formats.grammars.base import Body
from groundray.formats.grammars.loose_strings import MAX_STRING
from groundray.formats.grammars.number_runs import Run
from groundray.formats.issues import BAD_BOX, TRUNCATED, UNPARSABLE
from groundray.formats.nothing import says_nothing


def gathered(
    label_texts: Sequence[str], wire: Sequence[Wire], *, sorted_by: int = 0
) -> Iterable[tuple[str, list[Wire]]]:
    """The boxes of each label together: labels in the order of their first box.

    Args:
        label_texts: one a box.
        wire: the boxes.
        sorted_by: how many leading numbers sort the boxes of a label; with 0 they stay in order.
    """
    together: dict[str, list[Wire]] = {}
    for label, box in zip(label_texts, wire, strict=True):
        together.setdefault(label, []).append(box)
    if sorted_by:
        for boxes in together.values():
            boxes.sort(key=lambda box: tuple(box[:sorted_by]))
    return together.items()


@dataclass(slots=True)
class Findings:
    """What was read in a body so far.

    Attributes:
        body: what is read.
        count: how many numbers an object has.
        bad: an object was missing or malformed.
        cut: the text ends inside an object.
        nothing: it says that something is not there.
        objects: in the order of the text.
        spans: of their numbers, in the model's text.
    """

    body: Body
    count: int
    bad: bool = False
    cut: bool = False
    nothing: bool = False
    objects: list[ParsedObject] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)

    def label(self, start: int, stop: int) -> str:
        """What stands there, as the label of an object; runaway text is none."""
        return self.body.text[start:stop] if stop - start <= MAX_STRING else ""

    def add(self, label: str | None, run: Run) -> int:
        """The objects of a run; returns how many numbers are left over."""
        whole = len(run.numbers) // self.count * self.count
        for at in range(0, whole, self.count):
            wire = tuple(run.numbers[at : at + self.count])
            if all(map(math.isfinite, wire)):
                start, stop = run.starts[at], run.stops[at + self.count - 1]
                self.objects.append(ParsedObject(label, wire))
                self.spans.append((self.body.offset + start, self.body.offset + stop))
            else:
                self.bad = True
        return len(run.numbers) - whole

    def answer(self) -> ParsedAnswer:
        """All of it."""
        bad = self.bad or (self.cut and self.body.ended)
        issues = (BAD_BOX,) * bad + (TRUNCATED,) * (self.cut and not self.body.ended)
        if not (self.objects or issues or self.nothing or says_nothing(self.body.text)):
            issues = (UNPARSABLE,)
        return ParsedAnswer(tuple(self.objects), issues, tuple(self.spans))
