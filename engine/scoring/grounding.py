"""Scores of answers to one expression each, and of refusals to find what is not there."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from groundray.engine.records import IntArray
from groundray.engine.scoring.counts import FALSE, IOU_UNIT, TRUE, in_units
from groundray.engine.scoring.matching import AT_50
from groundray.engine.scoring.operating_point import Values, defined, divide
from groundray.engine.scoring.overlaps import best_iou
from groundray.engine.scoring.pairs import Pairs

ASKED: Final = 0
HIT_50: Final = 1
HIT_75: Final = 2
FIRST_IOU: Final = 3
EXACT_50: Final = 4
ABSENT: Final = 5
REJECTED: Final = 6
NUM_GROUNDING: Final = 7
"""Columns, one row a record with an expression: whether it has targets, whether its first box
reaches IoU 0.5 and 0.75 and that IoU, whether every box is right; whether it has no targets, and
whether that was said."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """How well expressions are found; an answer that failed counts as 0 everywhere.

    Attributes:
        acc_50: Acc@0.5 of referring expression comprehension: expressions whose answer's first
            box has IoU 0.5 or more with the target (with the best one of several). Later boxes do
            not help.
        acc_75: the same at 0.75.
        mean_iou: of the first box, 0 without one.
        exact_50: gRefCOCO's Pr@(F1=1, IoU>=0.5): every target is matched, and no box is left over.
        expressions: records with something to find.
        rejection_accuracy: records with nothing to find, where a sound answer said so (gRefCOCO's
            N-acc).
        absent: records with nothing to find.
    """

    acc_50: float | None
    acc_75: float | None
    mean_iou: float | None
    exact_50: float | None
    expressions: int
    rejection_accuracy: float | None
    absent: int


def grounding_counts(pairs: Pairs, counts: IntArray) -> IntArray:
    """`(N, NUM_GROUNDING)` from `record_counts`; 0 for records without an expression."""
    result = np.zeros((len(pairs), NUM_GROUNDING), dtype=np.int64)
    if not pairs.is_grounding.any():
        return result
    has_targets = pairs.num_targets > 0
    asked, absent = pairs.is_grounding & has_targets, pairs.is_grounding & ~has_targets
    some = pairs.num_predictions > 0
    first = pairs.prediction_offsets[:-1][some]
    iou = np.zeros(len(pairs))
    iou[some] = best_iou(pairs, pairs.prediction_xyxy[first], first)
    right, wrong = counts[:, TRUE][:, AT_50], counts[:, FALSE][:, AT_50]
    result[:, ASKED] = asked
    result[:, HIT_50] = asked & (iou >= 0.5)
    result[:, HIT_75] = asked & (iou >= 0.75)
    result[:, FIRST_IOU] = in_units(iou * asked)
    result[:, EXACT_50] = asked & (right == pairs.num_targets) & (wrong == 0)
    result[:, ABSENT] = absent
    result[:, REJECTED] = absent & ~some & pairs.is_sound
    return result


def grounding_values(counts: "np.ndarray[Any, Any]") -> Values:
    """Metrics of `(..., NUM_GROUNDING)` sums."""
    asked = counts[..., ASKED]
    return {
        "acc_50": divide(counts[..., HIT_50], asked),
        "acc_75": divide(counts[..., HIT_75], asked),
        "mean_iou": divide(counts[..., FIRST_IOU] / IOU_UNIT, asked),
        "exact_50": divide(counts[..., EXACT_50], asked),
        "rejection_accuracy": divide(counts[..., REJECTED], counts[..., ABSENT]),
    }


def grounding(counts: "np.ndarray[Any, Any]", *, with_iou: bool) -> Grounding | None:
    """The numbers for people; None where nothing was asked for by an expression.

    Args:
        counts: `(NUM_GROUNDING,)` of all records.
        with_iou: whether an IoU means anything: not for points, whose hits are at any threshold.
    """
    expressions, absent = int(counts[ASKED]), int(counts[ABSENT])
    if not expressions + absent:
        return None
    values = {name: defined(value) for name, value in grounding_values(counts).items()}
    if not with_iou:
        values["mean_iou"] = None
    return Grounding(**values, expressions=expressions, absent=absent)
