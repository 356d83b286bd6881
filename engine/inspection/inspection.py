"""Inspection: what was found out about a data set, as values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from groundray.engine.sources import Source, UnreadableFile, format_path

Unit = Literal["records", "boxes"]


class Place(NamedTuple):
    """Where a problem was seen."""

    file: str
    row: int
    id: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with some records or boxes.

    Attributes:
        reason: snake_case code.
        unit: what `count` counts: `records` or `boxes`.
        count: how often it occurs.
        examples: the first places where it does.
    """

    reason: str
    unit: Unit
    count: int
    examples: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """What one split holds; `empty_records` are those without a box."""

    files: int = 0
    rows: int = 0
    records: int = 0
    boxes: int = 0
    empty_records: int = 0


@dataclass(frozen=True, slots=True)
class ImageSizes:
    """Sizes of images, in pixels.

    Attributes:
        known_from: `columns`, or `headers` of a few images, or `nothing`.
        images: how many were looked at.
        smallest: (width, height), each side by itself.
        median: the same.
        largest: the same.
        usual: the most frequent sizes, (width, height, images).
    """

    known_from: str
    images: int
    smallest: tuple[int, int] | None = None
    median: tuple[int, int] | None = None
    largest: tuple[int, int] | None = None
    usual: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a data set holds.

    Attributes:
        source: its files and its layout, and why that was chosen.
        splits: by name, in alphabetical order.
        categories: boxes by class name, in id order, or in alphabetical order where names are found
            in the data; for grounding, nothing.
        image_sizes: what is known of them.
        problems: the most frequent first.
        unreadable: files that are left out.
    """

    source: Source
    splits: Mapping[str, Split]
    categories: Mapping[str, int]
    image_sizes: ImageSizes
    problems: tuple[Problem, ...]
    unreadable: tuple[UnreadableFile, ...]

    @property
    def rows(self) -> int:
        """Rows of all files that can be read."""
        return sum(split.rows for split in self.splits.values())

    def to_json(self) -> dict[str, Any]:
        """The same as plain data, with nothing of where the data set is stored."""
        source, layout = self.source, asdict(self.source.layout)
        paths = {name for name, value in layout.items() if isinstance(value, tuple)}
        for name in paths - {"names", "boxes"}:
            layout[name] = format_path(layout[name])
        layout["boxes"] = [format_path(path) for path in layout["boxes"]]
        return {
            "task": source.task,
            "layout": {name: value for name, value in layout.items() if value is not None},
            "reason": source.reason.splitlines(),
            "classes": source.names,
            "splits": {name: asdict(split) for name, split in self.splits.items()},
            "categories": self.categories,
            "image_sizes": asdict(self.image_sizes),
            "problems": [
                {**asdict(problem), "examples": [place._asdict() for place in problem.examples]}
                for problem in self.problems
            ],
            "unreadable": [file._asdict() for file in self.unreadable],
        }
