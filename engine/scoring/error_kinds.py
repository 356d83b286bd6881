"""What kind of mistake each wrong box is: TIDE's kinds at IoU 0.5, for every box that is wrong.

Follows Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors" (ECCV 2020),
with its thresholds 0.5 and 0.1. Ours differs in order: a second box on an object is a duplicate
whatever else it touches, and a wrong name on the right place is mislabelled before it is misplaced;
TIDE's "both" counts as invented here.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from groundray.engine.records import BoolArray, FloatArray, IntArray
from groundray.engine.scoring.matching import AT_50, Matches
from groundray.engine.scoring.pairs import Pairs

RIGHT: Final = 0
MISSED: Final = 1
INVENTED_BOX: Final = 2
MISPLACED: Final = 3
MISLABELLED: Final = 4
DUPLICATE: Final = 5
IGNORED: Final = 6

KINDS = ("right", "missed", "invented", "misplaced", "mislabelled", "duplicate", "ignored")
"""Names by number; `ignored` are crowds, and boxes that lie inside one."""

ERROR_KINDS = KINDS[MISSED:IGNORED]


class ErrorKinds(NamedTuple):
    """What is wrong with each box.

    Attributes:
        prediction: `(P,)` index into `KINDS`. Predictions are never missed.
        target: `(T,)` index into `KINDS`: right where matched; misplaced or mislabelled where such
            a prediction accounts for it; else missed.
        nearest: `(P,)` the target that makes a prediction a duplicate, mislabelled or misplaced,
            the one it is matched with where it is right, or -1.
    """

    prediction: NDArray[np.int8]
    target: NDArray[np.int8]
    nearest: IntArray


def find_error_kinds(pairs: Pairs, matches: Matches) -> ErrorKinds:
    """Sorts every prediction and target into one kind.

    A prediction without a match is a *duplicate* where it has IoU 0.5 with a matched target of its
    class; else *mislabelled* where it has IoU 0.5 with a target of another class; else *misplaced*
    where it has IoU 0.1 with a target of its class; else *invented*.
    """
    prediction, target, iou = matches.overlaps
    plain = ~pairs.is_crowd[target]
    close = iou >= 0.5
    kinds = np.full(len(pairs.prediction_xyxy), INVENTED_BOX, dtype=np.int8)
    nearest = np.full(len(pairs.prediction_xyxy), -1)
    for kind, rows in (
        (MISPLACED, plain & matches.same_class & ~close),
        (MISLABELLED, plain & ~matches.same_class & close),
        (DUPLICATE, plain & matches.same_class & close),
    ):
        owner, best = _best(prediction[rows], target[rows], iou[rows])
        kinds[owner], nearest[owner] = kind, best
    kinds[matches.is_ignored()[:, AT_50]] = IGNORED
    right = matches.target_of >= 0
    kinds[right], nearest[right] = RIGHT, matches.target_of[right]
    nearest[(kinds == IGNORED) | (kinds == INVENTED_BOX)] = -1
    return ErrorKinds(kinds, _target_kinds(pairs, matches, kinds, nearest), nearest)


def _best(prediction: IntArray, target: IntArray, iou: FloatArray) -> tuple[IntArray, IntArray]:
    """Each prediction once, with its target of highest IoU, the first of equal ones."""
    order = np.lexsort((target, -iou, prediction))
    owner, first = np.unique(prediction[order], return_index=True)
    return owner, target[order][first]


def _target_kinds(
    pairs: Pairs, matches: Matches, prediction_kinds: NDArray[np.int8], nearest: IntArray
) -> NDArray[np.int8]:
    kinds = np.full(len(pairs.target_xyxy), MISSED, dtype=np.int8)
    for kind in (MISPLACED, MISLABELLED):
        rows: BoolArray = prediction_kinds == kind
        kinds[nearest[rows]] = kind
    kinds[matches.prediction_of >= 0] = RIGHT
    kinds[pairs.is_crowd] = IGNORED
    return kinds
