"""Which prediction answers which target, for the operating point.

The rule: within an image and a class, the pair with the highest IoU is matched first, then the
highest among those left, down to IoU 0.5; each prediction and each target is in one pair at most.
Among equal IoUs the smaller target goes first where predictions are points, then the earlier
prediction, then the earlier target. The order of an answer and its scores, which a language model
does not have, thus decide nothing, and the matching at a higher threshold is the part of this one
that reaches it.

A crowd is never matched. A prediction that has no match at a threshold, and lies inside a crowd of
its class by at least that share of its own area, counts neither for nor against: COCO's rule.
"""

from typing import NamedTuple

import numpy as np

from groundray.engine.records import BoolArray, FloatArray, IntArray
from groundray.engine.scoring.overlaps import Overlaps, find_overlaps
from groundray.engine.scoring.pairs import Pairs

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""0.5 to 0.95 in steps of 0.05, as COCO computes them; reaching one is enough."""

AT_50, AT_75 = 0, 5
"""Where 0.5 and 0.75 stand among them."""


class Matches(NamedTuple):
    """What is matched.

    Attributes:
        overlaps: all, whatever the classes.
        same_class: `(K,)` whether the two of an overlap are of one class.
        target_of: `(P,)` the target that a prediction is matched with, or -1.
        prediction_of: `(T,)` the prediction that a target is matched with, or -1.
        iou: `(P,)` of the match, 0 without one.
        crowd_iou: `(P,)` share of the prediction inside a crowd of its class.
    """

    overlaps: Overlaps
    same_class: BoolArray
    target_of: IntArray
    prediction_of: IntArray
    iou: FloatArray
    crowd_iou: FloatArray

    def is_right(self) -> BoolArray:
        """`(P, 10)` whether a prediction is a true positive, by threshold."""
        result: BoolArray = self.iou[:, None] >= IOU_THRESHOLDS
        return result

    def is_ignored(self) -> BoolArray:
        """`(P, 10)` whether a prediction counts neither for nor against, by threshold."""
        result: BoolArray = ~self.is_right() & (self.crowd_iou[:, None] >= IOU_THRESHOLDS)
        return result


def match(pairs: Pairs) -> Matches:
    """Matches predictions with targets by the rule above."""
    overlaps = find_overlaps(pairs)
    prediction, target, iou = overlaps
    same_class = pairs.prediction_class[prediction] == pairs.target_class[target]
    crowd = pairs.is_crowd[target]
    crowd_iou = np.zeros(len(pairs.prediction_xyxy))
    inside = same_class & crowd
    np.maximum.at(crowd_iou, prediction[inside], iou[inside])
    near = np.flatnonzero(same_class & ~crowd & (iou >= IOU_THRESHOLDS[0]))
    taken = near[_greedy(pairs, Overlaps(prediction[near], target[near], iou[near]))]
    target_of = np.full(len(pairs.prediction_xyxy), -1)
    prediction_of = np.full(len(pairs.target_xyxy), -1)
    matched_iou = np.zeros(len(pairs.prediction_xyxy))
    target_of[prediction[taken]] = target[taken]
    prediction_of[target[taken]] = prediction[taken]
    matched_iou[prediction[taken]] = iou[taken]
    return Matches(overlaps, same_class, target_of, prediction_of, matched_iou, crowd_iou)


def _greedy(pairs: Pairs, candidates: Overlaps) -> IntArray:
    """Rows of the candidates that are matched.

    A pair that is the best one left of both its prediction and its target is what the greedy rule
    would take before any other pair of the two: all such pairs are taken at once, then again.
    """
    prediction, target, iou = candidates
    point = pairs.is_point[pairs.prediction_record[prediction]]
    size = np.where(point, pairs.target_area[target], 0)
    left = np.lexsort((target, prediction, size, -iou))
    first_of_prediction = np.empty(len(pairs.prediction_xyxy), dtype=np.int64)
    first_of_target = np.empty(len(pairs.target_xyxy), dtype=np.int64)
    used_prediction = np.zeros(len(first_of_prediction), dtype=np.bool_)
    used_target = np.zeros(len(first_of_target), dtype=np.bool_)
    taken = [left[:0]]
    while len(left):
        backwards = left[::-1]  # of several assignments to one place the last one stays
        first_of_prediction[prediction[backwards]] = backwards
        first_of_target[target[backwards]] = backwards
        best = (first_of_prediction[prediction[left]] == left) & (
            first_of_target[target[left]] == left
        )
        taken.append(left[best])
        used_prediction[prediction[left[best]]] = True
        used_target[target[left[best]]] = True
        left = left[~(used_prediction[prediction[left]] | used_target[target[left]])]
    return np.concatenate(taken)
