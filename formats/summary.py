"""A format in one line: what `groundray formats` and the docs show of it."""

from collections.abc import Mapping
from typing import NamedTuple

from groundray.formats.base import BoxFormat
from groundray.formats.ceiling import quantisation_ceiling
from groundray.formats.geometry import Geometry, geometry_of
from groundray.formats.tasks import Task


class Summary(NamedTuple):
    """What a table says of a format; `-` where a format does not tell.

    Attributes:
        name: as typed after `--format`.
        geometry: what is written of an object.
        space: the coordinate space.
        order: how the numbers of an object are ordered.
        grammar: the class that writes and reads the text.
        tasks: what the family can do.
        ceiling: for each size of object, the mean IoU that a model without mistakes can reach; for
            points, its hit rate.
        confidence: `verified`, `unverified: ` and what no source says, or `not stated`.
        nothing: the answer where there is nothing to find.
    """

    name: str
    geometry: Geometry
    space: str
    order: str
    grammar: str
    tasks: tuple[Task, ...]
    ceiling: Mapping[str, float]
    confidence: str
    nothing: str


def summarise(format_: BoxFormat) -> Summary:
    """The line of a format; costs a few milliseconds, for the ceiling."""
    tasks = tuple(format_.prompts)
    grammar = getattr(format_, "grammar", None)
    return Summary(
        name=format_.name,
        geometry=geometry_of(format_),
        space=str(getattr(format_, "space", "-")),
        order=str(getattr(format_, "order", "-")),
        grammar="-" if grammar is None else type(grammar).__name__,
        tasks=tasks,
        ceiling={each.size: each.mean for each in quantisation_ceiling(format_)},
        confidence=str(getattr(format_, "confidence", "not stated")),
        nothing=format_.render(tasks[0], expression=None, categories=[], wire=[]).assistant,
    )
