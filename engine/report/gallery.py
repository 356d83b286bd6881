"""The gallery's data: records with their answers, as small as JSON allows.

Boxes are arrays of numbers, rounded to a tenth of a pixel; names stand in tables of their own. What
no one would read is cut, and the page says how much that was.
"""

import os
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from urllib.parse import quote

from groundray.engine.evaluation.outcomes import BoxOutcome, ImageOutcome
from groundray.engine.scoring.breakdowns import EXPRESSION
from groundray.engine.scoring.counts import SIZES
from groundray.engine.scoring.error_kinds import KINDS
from groundray.engine.sources import protocol_of
from groundray.models.urls import public_name

MAX_CHARS = 4_000
"""Of an answer's text, and of an expression."""
MAX_BOXES = 300
"""Targets of a record, and boxes of an answer; runaway answers have thousands."""

_KINDS = {name: number for number, name in enumerate(KINDS)}
_SIZES = {name: number for number, name in enumerate(SIZES)}
_WEB = ("http://", "https://")


class GalleryBuilder:
    """Gathers records that are shown.

    Args:
        ids: of the records, in the order in which they are kept.
        num_runs: how many checkpoints answered.
        folder: that the page will lie in, for links to images of the same machine; None where it
            will lie elsewhere.
    """

    def __init__(self, ids: Sequence[str], num_runs: int, folder: str | None) -> None:
        self._num_runs = num_runs
        self._folder = folder
        self._records: dict[str, dict[str, Any] | None] = dict.fromkeys(ids)
        self._places: dict[str, str] = {}
        self._categories: dict[str, int] = {}

    @property
    def ids(self) -> Collection[str]:
        """Of the records that are asked for."""
        return self._records.keys()

    def add(self, run: int, outcomes: Iterable[ImageOutcome]) -> None:
        """Adds what a run said about the records; others are passed over."""
        for outcome in outcomes:
            if outcome.id not in self._records:
                continue
            record = self._records[outcome.id]
            if record is None:
                record = self._records[outcome.id] = self._record(outcome)
                self._places[outcome.id] = outcome.image
            record["answers"][run] = self._answer(outcome)

    def finish(self) -> tuple[list[dict[str, Any]], list[str], list[str]]:
        """The records, the place of the image of each, and the names of the categories."""
        records = [record for record in self._records.values() if record is not None]
        return records, [self._places[record["id"]] for record in records], list(self._categories)

    def _record(self, outcome: ImageOutcome) -> dict[str, Any]:
        label = None if outcome.query is None else EXPRESSION
        return {
            "id": outcome.id,
            "name": public_name(outcome.image).rsplit("/", 1)[-1],
            "link": link_to(outcome.image, self._folder),
            "size": [outcome.width, outcome.height],
            "query": None if outcome.query is None else outcome.query[:MAX_CHARS],
            "targets": [
                [self._number_of(label or box.category), *_corners(box), _SIZES[box.size]]
                for box in outcome.targets[:MAX_BOXES]
            ],
            "numTargets": len(outcome.targets),
            "answers": [None] * self._num_runs,
        }

    def _answer(self, outcome: ImageOutcome) -> dict[str, Any]:
        return {
            "text": outcome.text[:MAX_CHARS],
            "chars": len(outcome.text),
            "issues": outcome.issues,
            "error": outcome.error,
            "f1": _short(outcome.f1_50, 3),
            "targets": [
                [_KINDS[box.kind], box.other, _short(box.iou, 2)]
                for box in outcome.targets[:MAX_BOXES]
            ],
            "boxes": [
                self._prediction(box, grounding=outcome.query is not None)
                for box in outcome.predictions[:MAX_BOXES]
            ],
            "numBoxes": len(outcome.predictions),
        }

    def _prediction(self, box: BoxOutcome, *, grounding: bool) -> list[Any]:
        return [
            self._number_of(EXPRESSION if grounding else box.category),
            *_corners(box),
            _SIZES[box.size],
            _KINDS[box.kind],
            box.other,
            _short(box.iou, 2),
            _short(box.score, 3),
        ]

    def _number_of(self, category: str | None) -> int | None:
        if category is None:
            return None
        return self._categories.setdefault(category[:MAX_CHARS], len(self._categories))


def link_to(image: str, folder: str | None) -> str | None:
    """What a browser opens for an image; None where no link is possible, or safe.

    Args:
        image: absolute path or URL.
        folder: of the page, an absolute path; None where it is not on this machine.
    """
    if image.startswith(_WEB):
        return public_name(image)
    if protocol_of(image) is not None or folder is None or not image:
        return None
    relative = os.path.relpath(image.removeprefix("file://"), folder)
    return quote(relative.replace(os.sep, "/"), errors="surrogateescape")


def _corners(box: BoxOutcome) -> list[float | None]:
    return [_short(value, 1) for value in box.xyxy]


def _short(value: float | None, digits: int) -> float | None:
    """A number with few digits; whole ones without a point."""
    if value is None:
        return None
    rounded = round(value, digits)
    return int(rounded) if rounded == int(rounded) else rounded
