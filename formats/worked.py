"""One worked example of any format, for people: what a model is asked and what it learns to say."""

from typing import NamedTuple

import numpy as np

from groundray.formats.base import BoxFormat, FloatArray, Rendered
from groundray.formats.prompts import class_list
from groundray.formats.tasks import TASKS, Task
from groundray.formats.trainer import trained_text

IMAGE_SIZE = (640, 428)
"""Width and height of the image that the boxes are in."""

_CATEGORIES: dict[Task, list[str]] = {
    "detection": ["bowl", "orange"],
    "grounding": ["the bowl in front"],
}
_XYXY = np.array([[146.0, 137, 615, 415], [35, 61, 203, 214]])


class Worked(NamedTuple):
    """A worked example.

    Attributes:
        task: what is asked.
        categories: labels of the boxes.
        xyxy: `(N, 4)` boxes, pixels.
        user: the prompt, without the image placeholder.
        rendered: the assistant's side.
        trained: the text that the trainer makes of it.
        nothing: the assistant's text where there is nothing to find.
    """

    task: Task
    categories: list[str]
    xyxy: FloatArray
    user: str
    rendered: Rendered
    trained: str
    nothing: str


def worked_examples(format_: BoxFormat) -> list[Worked]:
    """An example of each task that a format can do."""
    return [_worked(format_, task) for task in TASKS if task in format_.prompts]


def _worked(format_: BoxFormat, task: Task) -> Worked:
    categories = _CATEGORIES[task]
    xyxy = _XYXY[: len(categories)]
    sizes = np.tile(np.array(IMAGE_SIZE, dtype=np.float64), (len(xyxy), 1))
    expression = categories[0] if task == "grounding" else None
    wire = format_.encode(xyxy, sizes).tolist()
    prompt = format_.prompts[task]
    user = prompt.replace("{classes}", class_list(format_, categories))
    user = user.replace("{expression}", categories[0])
    rendered = format_.render(task, expression=expression, categories=categories, wire=wire)
    nothing = format_.render(task, expression=expression, categories=[], wire=[])
    return Worked(task, categories, xyxy, user, rendered, trained_text(rendered), nothing.assistant)
