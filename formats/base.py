"""What a grounding format is: how one model family writes boxes in text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from groundray.formats.tasks import Task

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Wire = Sequence[float]
"""The numbers of one box as the model writes them: four for most families, not for all."""


class Rendered(NamedTuple):
    """The assistant's side of one example.

    Attributes:
        assistant: the answer's text, with PaddleFormers' placeholders where the format uses them.
        objects: `{"ref": [...], "bbox": [...]}` that the trainer fills placeholders from, or None
            where the text is complete.
    """

    assistant: str
    objects: dict[str, Any] | None = None


class ParsedObject(NamedTuple):
    """One object that a model's answer names; `category` is None where the text gives no label."""

    category: str | None
    wire: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """What an answer says.

    Attributes:
        objects: in the order of the text.
        issues: codes, each at most once, in the order found; empty for a sound answer. An answer
            that says "nothing there" is sound: no objects and no issues.
        spans: where the coordinates of each object stand in the text as it was given,
            `text[start:stop]`: from its first number or location token to its last; empty where the
            format does not say. Scores of boxes are made of the tokens there.
    """

    objects: tuple[ParsedObject, ...] = ()
    issues: tuple[str, ...] = ()
    spans: tuple[tuple[int, int], ...] = field(default=(), compare=False)


@runtime_checkable
class BoxFormat(Protocol):
    """One model family's way of writing boxes.

    Attributes:
        name: as typed after `--format`.
        system: system message of an example, or None for none.
        prompts: user text for each task that the family can do; `{classes}` stands for the class
            names of the data set and `{expression}` for the referring expression. The image
            placeholder is not part of it.
        source: where the facts come from: repository, path, revision, and how sure they are.

    A format may also have `geometry` and `tolerance_steps`, which checks and scores ask for,
    `class_separator`, which prompts do, `render_all` and `outline`, which converting does,
    `for_max_pixels`, which predicting and scoring do, and `space`, `order`, `grammar` and
    `confidence`, which tables show: see docs/plugins.md.
    """

    name: str
    system: str | None
    prompts: Mapping[Task, str]
    source: str

    def encode(self, xyxy: FloatArray, image_sizes: FloatArray) -> NDArray[Any]:
        """Wire numbers of boxes.

        Args:
            xyxy: `(N, 4)` pixels of the stored image, inside it.
            image_sizes: `(N, 2)` width and height of each box's image, pixels.

        Returns:
            `(N, K)` integers, or floats where the family writes floats.
        """
        ...

    def decode(self, wire: NDArray[Any], image_size: tuple[float, float]) -> FloatArray:
        """Boxes in pixels from wire numbers; undoes `encode` within half a grid step.

        Within the format's `tolerance_steps` of them, where it has that attribute, and for points,
        whose boxes have no size, at the centres of what was encoded.

        Args:
            wire: `(N, K)` as parsed; may be out of the family's range, which is not mended.
            image_size: (width, height) of the image, pixels.

        Returns:
            `(N, 4)` xyxy, pixels.
        """
        ...

    def render(
        self,
        task: Task,
        *,
        expression: str | None,
        categories: Sequence[str],
        wire: Sequence[Wire],
    ) -> Rendered:
        """The assistant's text for the objects of one image; none is a proper answer too.

        Args:
            task: what was asked.
            expression: the referring expression, for grounding.
            categories: one label a box.
            wire: rows of what `encode` returned, as lists of Python numbers.

        Raises:
            LabelError: a label or the expression would corrupt the text.
        """
        ...

    def parse(self, text: str) -> ParsedAnswer:
        """Objects that a model's answer names, in wire numbers, and what is wrong with it.

        Never raises on text, whatever it is, and takes time linear in its length.
        """
        ...
