"""Boxes that were said more than once, found without comparing every box with every other."""

import numpy as np

from groundray.engine.records import BoolArray, FloatArray, IntArray
from groundray.engine.scoring.overlaps import expand, iou_of
from groundray.engine.scoring.pairs import Pairs

DUPLICATE_IOU = 0.9


def is_duplicate(pairs: Pairs) -> BoolArray:
    """`(P,)` whether a box has IoU above 0.9 with an earlier one of its image and class.

    Points are duplicates where they are equal.
    """
    record, xyxy = pairs.prediction_record, pairs.prediction_xyxy
    group = _groups(record, pairs.prediction_class)
    copies = _is_copy(group, xyxy)
    flat = (xyxy[:, 2] <= xyxy[:, 0]) | (xyxy[:, 3] <= xyxy[:, 1])
    found: BoolArray = copies & (~flat | pairs.is_point[record])
    left = np.flatnonzero(~copies & ~flat)
    counts, order = min(
        (_near(group[left], xyxy[left], axis) for axis in (0, 1)), key=lambda each: each[0].sum()
    )
    rows = left[order]
    no_crowds = np.zeros(1, dtype=np.bool_)
    for one, other in expand(counts, np.arange(1, len(rows) + 1)):
        a, b = rows[one], rows[other]
        same = iou_of(xyxy[a], xyxy[b], crowd_b=no_crowds) > DUPLICATE_IOU
        found[np.maximum(a, b)[same]] = True
    return found


def _groups(record: IntArray, class_: IntArray) -> IntArray:
    """`(P,)` a number for each image and class."""
    span = int(class_.max()) - int(class_.min()) + 1 if len(class_) else 1
    return record * span + class_ - (int(class_.min()) if len(class_) else 0)


def _is_copy(group: IntArray, xyxy: FloatArray) -> BoolArray:
    """`(P,)` whether an earlier box of the group is the same: runaway answers say thousands."""
    order = np.lexsort((np.arange(len(group)), *xyxy.T, group))
    copies = np.zeros(len(group), dtype=np.bool_)
    same = (group[order[1:]] == group[order[:-1]]) & (xyxy[order[1:]] == xyxy[order[:-1]]).all(1)
    copies[order[1:]] = same
    return copies


def _near(group: IntArray, xyxy: FloatArray, axis: int) -> tuple[IntArray, IntArray]:
    """Boxes ordered by group and low edge, and how many after each begin near enough.

    Of two boxes with IoU above 0.9, the one that begins later begins within the first tenth of the
    other. Edges are compared by rank, so that a group and a rank make one exact integer.
    """
    low = xyxy[:, axis]
    reach = low + (1 - DUPLICATE_IOU) * (xyxy[:, axis + 2] - low)
    edges = np.sort(low)
    base = group * (len(low) + 1)
    key = base + np.searchsorted(edges, low, side="left")
    order = np.argsort(key, kind="stable")
    last = (base + np.searchsorted(edges, reach, side="right"))[order]
    counts = np.searchsorted(key[order], last, side="left") - np.arange(1, len(order) + 1)
    return np.maximum(counts, 0), order
