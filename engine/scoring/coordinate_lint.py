"""Answers that look like another coordinate space than their format's, and which one.

A diagnosis, never a rescore: whoever reads a box in the space that fits the truth best measures the
truth, and not the model.

An answer looks like a reading where at least half of its boxes do, of the first ten. A box does
where the reading puts it on a target (IoU 0.7) and the format's own does much worse (by 0.3). Two
readings need no target: fractions of 1 that the format reads as something else, and numbers that
reach far out of the image in the format's reading and fit into it as pixels.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from groundray.engine.records import BoolArray, FloatArray, IntArray
from groundray.engine.scoring.overlaps import best_iou
from groundray.engine.scoring.pairs import Pairs

_FITS, _BETTER = 0.7, 0.3
_FAR_OUT = 1.05
_ENOUGH = 10  # boxes of an answer
_LEAST_SHARE, _LEAST_ANSWERS = 0.05, 3  # below it is chance: a bad model hits by accident

LintCounts = Counter[str]
"""Answers by reading, and `answers` that could be looked at."""

_ORDERS: Mapping[str, Callable[[FloatArray], FloatArray]] = MappingProxyType(
    {
        "": lambda wire: wire,
        " with y first": lambda wire: wire[:, [1, 0, 3, 2]],
        " as x, y, width, height": lambda wire: np.hstack([wire[:, :2], wire[:, :2] + wire[:, 2:]]),
    }
)

# What one unit of a wire number is, as a share of the image's side, which is given in pixels.
_UNITS: Mapping[str, Callable[[FloatArray], FloatArray]] = MappingProxyType(
    {
        "pixels": lambda sides: 1 / sides,
        "fractions of 1": np.ones_like,
        "a grid of 1000": lambda sides: np.full_like(sides, 1e-3),
        "percent": lambda sides: np.full_like(sides, 1e-2),
        "pixels scaled to 1000 twice": lambda sides: 1e-6 * sides,
    }
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading that explains answers better than the format's own.

    Attributes:
        reading: in words.
        answers: how many look like it.
        share: of the answers that have boxes.
        message: a sentence for people.
    """

    reading: str
    answers: int
    share: float
    message: str


def count_readings(pairs: Pairs) -> LintCounts:
    """What answers look like, for readings other than the format's own."""
    counts: LintCounts = Counter()
    record = pairs.prediction_record
    place = np.arange(len(record)) - pairs.prediction_offsets[record]
    usable = np.isfinite(pairs.wire).all(axis=1) & ~pairs.is_point[record] & (place < _ENOUGH)
    boxes = np.bincount(record[usable], minlength=len(pairs))
    counts["answers"] = int((boxes > 0).sum())
    lost = np.flatnonzero(usable)
    own = best_iou(pairs, pairs.prediction_xyxy[lost], lost)
    lost, own = lost[own < 1 - _BETTER], own[own < 1 - _BETTER]
    if not len(lost):
        return counts
    votes = {
        name: np.bincount(record[lost[fits]], minlength=len(pairs))
        for name, fits in _iter_votes(pairs, lost, own)
    }
    table = np.stack(list(votes.values()))
    best, most = table.argmax(axis=0), table.max(axis=0)
    named = (most > 0) & (2 * most >= boxes)
    for index, name in enumerate(votes):
        counts[name] += int((named & (best == index)).sum())
    return counts


def readings(counts: LintCounts, format_name: str | None) -> list[Reading]:
    """Those that are more than chance, the most frequent first.

    Args:
        counts: of all answers.
        format_name: whose reading the scores rest on.
    """
    total = counts["answers"]
    found = []
    for name, answers in sorted(counts.items(), key=lambda each: (-each[1], each[0])):
        if name == "answers" or answers < max(_LEAST_ANSWERS, _LEAST_SHARE * total):
            continue
        share = answers / total
        message = (
            f"{share:.0%} of the answers with boxes look like {name}, "
            f"which is not how {format_name or 'the format'} reads them"
        )
        found.append(Reading(name, answers, share, message))
    return found


def _iter_votes(pairs: Pairs, rows: IntArray, own: FloatArray) -> Iterator[tuple[str, BoolArray]]:
    """Each reading, with `(K,)` whether it explains each of the boxes.

    Args:
        pairs: where the targets are.
        rows: `(K,)` the boxes.
        own: `(K,)` their highest IoU in the format's reading.
    """
    wire, xyxy = pairs.wire[rows], pairs.prediction_xyxy[rows]
    sides = np.tile(pairs.image_sizes[pairs.prediction_record[rows]], 2)
    by_range = _by_range(wire, xyxy, sides)
    for unit, scale in _UNITS.items():
        for order, arrange in _ORDERS.items():
            boxes = arrange(wire) * (scale(sides) * sides)
            other = ~np.isclose(boxes, xyxy, atol=1.0).all(axis=1)
            fits = other & (best_iou(pairs, boxes, rows) >= np.maximum(_FITS, own + _BETTER))
            if not order and unit in by_range:
                fits |= other & by_range[unit]
            yield unit + order, fits


def _by_range(wire: FloatArray, xyxy: FloatArray, sides: FloatArray) -> dict[str, BoolArray]:
    inside = (wire >= 0).all(axis=1)
    fractions = inside & (wire <= 1).all(axis=1) & (wire % 1 != 0).any(axis=1)
    far_out = (xyxy > _FAR_OUT * sides).any(axis=1)
    return {
        "fractions of 1": fractions,
        "pixels": inside & far_out & (wire <= sides).all(axis=1) & (wire > 1).any(axis=1),
    }
