"""A format as data: a coordinate space, a grammar, an envelope and prompts, no code of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property
from itertools import pairwise
from re import Pattern

import numpy as np
from numpy.typing import NDArray

from groundray.formats.base import FloatArray, ParsedAnswer, ParsedObject, Rendered, Wire
from groundray.formats.codecs import Codec
from groundray.formats.envelope import Envelope
from groundray.formats.errors import FormatError, LabelError
from groundray.formats.geometry import Geometry
from groundray.formats.grammars.base import Grammar
from groundray.formats.issues import TRUNCATED_REASONING, UNPARSABLE
from groundray.formats.labels import PLAIN_LABEL, LabelTexts, refuse_reserved, reserved_pattern
from groundray.formats.outline import Outline, Outlined
from groundray.formats.tasks import Task
from groundray.formats.trainer import trained_text

# A box to try labels with, and its image.
_PROBE = (np.array([[146.0, 137.0, 615.0, 415.0]]), np.array([[640.0, 428.0]]))


@dataclass(frozen=True)
class DeclaredFormat:
    """A `BoxFormat` put together from parts.

    What differs is a part, not a class derived from this one: `render`, `render_all` and `outline`
    say the same.

    Attributes:
        name: as typed after `--format`.
        prompts: user text for each task that the family can do.
        codec: pixels to wire numbers and back.
        grammar: writes and reads the answer.
        grounding_grammar: writes the answer to a grounding prompt where the family has another
            form for it; `grammar` reads that too.
        nothing: what the answer says where there is nothing to find.
        envelope: what stands around an answer.
        class_separator: what stands between two class names of a prompt.
        system: system message, or None for none.
        source: repository, path, revision, and how sure the facts are.
        confidence: `verified`, or `unverified: ` and what no source says, for people.
    """

    name: str
    _: KW_ONLY
    prompts: Mapping[Task, str]
    codec: Codec
    grammar: Grammar
    grounding_grammar: Grammar | None = None
    nothing: str
    envelope: Envelope
    class_separator: str = ", "
    system: str | None = None
    source: str
    confidence: str = "not stated"

    @property
    def space(self) -> str:
        """Name of the coordinate space."""
        return self.codec.space

    @property
    def order(self) -> str:
        """How the numbers of an object are ordered."""
        order: str = getattr(self.codec, "order", "xyxy")
        return order

    @property
    def geometry(self) -> Geometry:
        """What is said of an object; see `groundray.formats.geometry`."""
        geometry: Geometry = getattr(self.codec, "geometry", "box")
        return geometry

    @property
    def tolerance_steps(self) -> float:
        """How far an edge that was encoded and decoded may be off, in steps of the space."""
        steps: float = getattr(self.codec, "tolerance_steps", 0.5)
        return steps

    def encode(self, xyxy: FloatArray, image_sizes: FloatArray) -> NDArray[np.generic]:
        """See `BoxFormat.encode`."""
        return self.codec.encode(xyxy, image_sizes)

    def decode(self, wire: NDArray[np.generic], image_size: tuple[float, float]) -> FloatArray:
        """See `BoxFormat.decode`."""
        return self.codec.decode(wire, image_size)

    def for_max_pixels(self, max_pixels: int | None) -> "DeclaredFormat":
        """The format for images that are shrunk to an area before the model's processor sees them.

        The same format where its space does not depend on that.

        Args:
            max_pixels: the area; None where only the model's own limit counts.
        """
        resized = getattr(self.codec, "for_max_pixels", None)
        return self if resized is None else replace(self, codec=resized(max_pixels))

    def render(
        self,
        task: Task,
        *,
        expression: str | None,
        categories: Sequence[str],
        wire: Sequence[Wire],
    ) -> Rendered:
        """See `BoxFormat.render`."""
        self._check(task, expression)
        if not categories:
            return Rendered(self.nothing)
        return self._writer(task).render(list(map(self._spell, categories)), wire)

    def render_all(
        self,
        task: Task,
        *,
        expressions: Sequence[str | None],
        categories: Sequence[str],
        wire: Sequence[Wire],
        offsets: Sequence[int],
    ) -> list[Rendered]:
        """`render` for many images at once; what one of them raises is raised for all.

        Args:
            task: what was asked.
            expressions: N of them, or None.
            categories: labels of the M boxes of all images.
            wire: M rows.
            offsets: N + 1; the boxes of image i are `offsets[i]:offsets[i + 1]`.
        """
        for expression in set(expressions):
            self._check(task, expression)
        label_texts = list(map(self._spell, categories))
        render, nothing = self._writer(task).render, Rendered(self.nothing)
        return [
            render(label_texts[start:stop], wire[start:stop]) if start < stop else nothing
            for start, stop in pairwise(offsets)
        ]

    def outline(
        self, task: Task, *, expressions: Sequence[str | None], labels: Sequence[str]
    ) -> Outlined | None:
        """What `render` writes for many images, to be filled in; None where objects differ in more.

        Args:
            task: what was asked.
            expressions: of the images, or None.
            labels: that their boxes have, each once.

        Raises:
            LabelError: one of them would corrupt the text.
        """
        for expression in set(expressions):
            self._check(task, expression)
        outline: Outline | None = getattr(self._writer(task), "outline", None)
        if outline is None:
            return None
        return Outlined(outline, list(map(self._spell, labels)), self.nothing)

    def parse(self, text: str) -> ParsedAnswer:
        """See `BoxFormat.parse`."""
        body, reasoning_cut = self.envelope.open(text)
        answer = self.grammar.parse(body)
        if not reasoning_cut:
            return answer
        found_late = [issue for issue in answer.issues if issue != UNPARSABLE]
        return ParsedAnswer(answer.objects, (*found_late, TRUNCATED_REASONING), answer.spans)

    def _check(self, task: Task, expression: str | None) -> None:
        """Refuses what cannot be asked."""
        if task not in self.prompts:
            raise FormatError(
                f"{self.name!r} cannot do task {task!r} (it can: {', '.join(self.prompts)})"
            )
        if expression is not None:
            refuse_reserved(expression, self._reserved, what="expression", format_name=self.name)

    def _writer(self, task: Task) -> Grammar:
        if task == "grounding" and self.grounding_grammar is not None:
            return self.grounding_grammar
        return self.grammar

    @cached_property
    def _reserved(self) -> Pattern[str]:
        return reserved_pattern(self.envelope.tokens)

    @cached_property
    def _spell(self) -> Callable[[str], str]:
        return LabelTexts(self._label_text).__getitem__

    @cached_property
    def _probe(self) -> tuple[float, ...]:
        return tuple(self.encode(*_PROBE)[0].tolist())

    def _label_text(self, label: str) -> str:
        """The label as text, after a trial that an answer with it reads back."""
        if not label.strip():
            raise LabelError(f"label {label!r} cannot be written in {self.name!r}: it is blank")
        refuse_reserved(label, self._reserved, what="label", format_name=self.name)
        text = self.grammar.label_text(label)
        if PLAIN_LABEL.fullmatch(label):
            return text
        wire = self._probe
        answer = self.parse(trained_text(self.grammar.render([text, text], [wire, wire])))
        if answer != ParsedAnswer((ParsedObject(label, wire),) * 2):
            raise LabelError(
                f"label {label!r} cannot be written in {self.name!r}: it would be read back as "
                f"{answer.objects[0].category if answer.objects else None!r}"
            )
        return text
