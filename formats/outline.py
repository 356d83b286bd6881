"""Outlines: answers whose objects stand one after another, all written alike.

What is said so can be written for one image, or for those of a whole batch with few operations.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, NamedTuple

from groundray.formats.base import Rendered, Wire
from groundray.formats.errors import FormatError


class Field(Enum):
    """What differs between two objects."""

    LABEL = "label"
    NUMBER = "number"


@dataclass(frozen=True)
class Outline:
    """How the text of at least one object is put together.

    Attributes:
        item: pieces of an object's text: words, and what stands between them. Its numbers come in
            their own sequence; the label, once at most, before or behind them all.
        head: what stands before the first object.
        between: what stands between two.
        tail: what stands after the last.
        number: `%`-template of a number alone, such as `%04d`.
        objects: keys under which labels and boxes travel beside the text (`Rendered.objects`), or
            None.
    """

    item: tuple[str | Field, ...]
    head: str = ""
    between: str = ", "
    tail: str = ""
    number: str = "%s"
    objects: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        """Refuses a label among the numbers, and a second one."""
        fields = self.fields
        if Field.LABEL in fields[1:-1] or fields.count(Field.LABEL) > 1:
            raise FormatError(f"item = {self.item!r}: expected one label, before or behind numbers")

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """What is filled in, in the sequence of the text."""
        return tuple(piece for piece in self.item if isinstance(piece, Field))

    def render(self, label_texts: Sequence[str], wire: Sequence[Wire]) -> Rendered:
        """The answer for one image; see `Grammar.render`."""
        template = self._template
        items = [template % values for values in self._values(label_texts, wire)]
        text = f"{self.head}{self.between.join(items)}{self.tail}"
        if self.objects is None:
            return Rendered(text)
        labels, boxes = self.objects
        return Rendered(text, {labels: label_texts, boxes: wire})

    def _values(
        self, label_texts: Sequence[str], wire: Sequence[Wire]
    ) -> Iterable[tuple[Any, ...]]:
        fields = self.fields
        if not fields:
            return [()] * len(label_texts)
        if Field.LABEL not in fields:
            return map(tuple, wire)
        pairs = zip(label_texts, wire, strict=True)
        if fields[0] is Field.LABEL:
            return ((label, *box) for label, box in pairs)
        return ((*box, label) for label, box in pairs)

    @cached_property
    def _template(self) -> str:
        spelled = {Field.LABEL: "%s", Field.NUMBER: self.number}
        return "".join(
            spelled[piece] if isinstance(piece, Field) else piece.replace("%", "%%")
            for piece in self.item
        )


class Outlined(NamedTuple):
    """The answers of many images, ready to be filled in.

    Attributes:
        outline: of each answer with an object.
        label_texts: of the labels that were asked for, in their sequence.
        nothing: the answer without an object.
    """

    outline: Outline
    label_texts: list[str]
    nothing: str
