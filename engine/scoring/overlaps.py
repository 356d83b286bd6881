"""Overlaps of boxes that share an image, without a loop over images."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from groundray.engine.records import BoolArray, FloatArray, IntArray
from groundray.engine.scoring.pairs import Pairs, areas_of

_AT_ONCE = 1 << 20  # pairs of boxes; 100 MB of temporaries

FAINTEST = 0.1
"""IoU below which two boxes have nothing to do with each other (TIDE's background threshold)."""


class Overlaps(NamedTuple):
    """Predictions and targets of one image that overlap, in the order of predictions.

    Attributes:
        prediction: `(K,)` index.
        target: `(K,)` index.
        iou: `(K,)` at least `FAINTEST`; with a crowd, the share of the prediction that is inside
            it, as COCO has it; 1 where a point is inside a box.
    """

    prediction: IntArray
    target: IntArray
    iou: FloatArray


def find_overlaps(pairs: Pairs) -> Overlaps:
    """All overlaps within images, whatever the classes."""
    found = [
        Overlaps(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)),
        *_iter_overlaps(pairs, pairs.prediction_xyxy, np.arange(len(pairs.prediction_xyxy))),
    ]
    return Overlaps(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def best_iou(pairs: Pairs, xyxy: FloatArray, prediction: IntArray) -> FloatArray:
    """`(K,)` the highest IoU of each box with any target of its image, 0 below `FAINTEST`.

    Args:
        pairs: where the targets are.
        xyxy: `(K, 4)` boxes in place of those of the predictions.
        prediction: `(K,)` which prediction each stands for, ascending.
    """
    best = np.zeros(len(pairs.prediction_xyxy))
    for overlaps in _iter_overlaps(pairs, xyxy, prediction):
        np.maximum.at(best, overlaps.prediction, overlaps.iou)
    return best[prediction]


def iou_of(xyxy_a: FloatArray, xyxy_b: FloatArray, *, crowd_b: BoolArray) -> FloatArray:
    """`(K,)` IoU of the boxes in the same row; 0 without area.

    Where b is a crowd, the intersection over the area of a: pycocotools `bbIou`.
    """
    width = np.minimum(xyxy_a[:, 2], xyxy_b[:, 2]) - np.maximum(xyxy_a[:, 0], xyxy_b[:, 0])
    height = np.minimum(xyxy_a[:, 3], xyxy_b[:, 3]) - np.maximum(xyxy_a[:, 1], xyxy_b[:, 1])
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    area_a = areas_of(xyxy_a)
    whole = np.where(crowd_b, area_a, area_a + areas_of(xyxy_b) - shared)
    iou: FloatArray = np.divide(shared, whole, out=np.zeros(len(shared)), where=whole > 0)
    return iou


def expand(counts: IntArray, starts: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Pairs (i, j) with `starts[i] <= j < starts[i] + counts[i]`, in order, some at a time."""
    ends = np.cumsum(counts)
    first = 0
    while first < len(counts):
        before = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + _AT_ONCE, side="right")))
        some = counts[first:last]
        i = np.repeat(np.arange(first, last), some)
        within = np.arange(int(some.sum())) - np.repeat(np.cumsum(some) - some, some)
        yield i, starts[i] + within
        first = last


def _iter_overlaps(pairs: Pairs, xyxy: FloatArray, prediction: IntArray) -> Iterator[Overlaps]:
    record = pairs.prediction_record[prediction]
    counts, starts = np.diff(pairs.target_offsets)[record], pairs.target_offsets[record]
    for row, target in expand(counts, starts):
        iou = iou_of(xyxy[row], pairs.target_xyxy[target], crowd_b=pairs.is_crowd[target])
        points = pairs.is_point[record[row]]
        if points.any():
            iou = np.where(points, _inside(xyxy[row], pairs.target_xyxy[target]), iou)
        keep = iou >= FAINTEST
        yield Overlaps(prediction[row[keep]], target[keep], iou[keep])


def _inside(points: FloatArray, xyxy: FloatArray) -> FloatArray:
    """`(K,)` 1 where a point is inside the box in the same row, edges included, else 0."""
    low = (points[:, :2] >= xyxy[:, :2]).all(axis=1)
    high = (points[:, :2] <= xyxy[:, 2:]).all(axis=1)
    inside: FloatArray = (low & high).astype(np.float64)
    return inside
