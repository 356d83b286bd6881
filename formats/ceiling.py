"""The quantisation ceiling: the score that a model which makes no mistake can reach in a format."""

from functools import cache
from typing import NamedTuple

import numpy as np

from groundray.formats.base import BoxFormat, FloatArray
from groundray.formats.geometry import geometry_of

IMAGE_SIZE = (640, 480)

# COCO's limits of area, in pixels: small below the first, large from the second.
_AREAS = {"small": (4.0**2, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 400.0**2)}
_NUM_BOXES = 2000
_SEED = 20260101


class Ceiling(NamedTuple):
    """IoU between boxes and what their wire numbers decode to; for points, hits.

    A point hits if it lies in the box whose centre it was, borders included: 1, else 0.

    Attributes:
        size: `small`, `medium` or `large`, by COCO's areas.
        mean: over the boxes; for points, the hit rate.
        low: 5th percentile: one box in twenty fares worse.
    """

    size: str
    mean: float
    low: float


def quantisation_ceiling(format_: BoxFormat) -> list[Ceiling]:
    """The ceiling of a format for small, medium and large objects.

    Measured on 2,000 boxes of each size in an image of 640x480 pixels, the same ones every time:
    areas uniform in their logarithm, from 4^2 to 32^2, to 96^2 and to 400^2 pixels, aspect ratios
    from 1:2 to 2:1, corners at fractions of a pixel.
    """
    return [
        _ceiling(format_, size, boxes_by_area(low, high)) for size, (low, high) in _AREAS.items()
    ]


@cache
def boxes_by_area(low: float, high: float) -> FloatArray:
    """`(2000, 4)` xyxy inside the image, areas from `low` to `high`; always the same, read-only."""
    rng = np.random.default_rng(_SEED)
    image_width, image_height = IMAGE_SIZE
    area = np.exp(rng.uniform(np.log(low), np.log(high), _NUM_BOXES))
    aspect = np.exp(rng.uniform(-np.log(2), np.log(2), _NUM_BOXES))
    height = np.minimum(np.sqrt(area / aspect), image_height)
    width = np.minimum(area / height, image_width)
    x1 = rng.random(_NUM_BOXES) * (image_width - width)
    y1 = rng.random(_NUM_BOXES) * (image_height - height)
    xyxy: FloatArray = np.stack([x1, y1, x1 + width, y1 + height], axis=1)
    xyxy.flags.writeable = False
    return xyxy


def _ceiling(format_: BoxFormat, size: str, xyxy: FloatArray) -> Ceiling:
    sizes = np.tile(np.array(IMAGE_SIZE, dtype=np.float64), (len(xyxy), 1))
    decoded = format_.decode(format_.encode(xyxy, sizes), IMAGE_SIZE)
    reached = paired_hits if geometry_of(format_) == "point" else paired_iou
    values = reached(decoded, xyxy)
    return Ceiling(size, float(values.mean()), float(np.percentile(values, 5)))


def paired_hits(points: FloatArray, xyxy: FloatArray) -> FloatArray:
    """`(N,)` 1 where a point, a box without size, lies in the box of the same row, else 0."""
    inside = (points[:, :2] >= xyxy[:, :2]) & (points[:, 2:] <= xyxy[:, 2:])
    hits: FloatArray = inside.all(axis=1).astype(np.float64)
    return hits


def paired_iou(xyxy_a: FloatArray, xyxy_b: FloatArray) -> FloatArray:
    """`(N,)` IoU of each box in a with the one in the same row of b; 0 where both have no area."""
    low = np.maximum(xyxy_a[:, :2], xyxy_b[:, :2])
    high = np.minimum(xyxy_a[:, 2:], xyxy_b[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = [np.prod(xyxy[:, 2:] - xyxy[:, :2], axis=1) for xyxy in (xyxy_a, xyxy_b)]
    union = areas[0] + areas[1] - shared
    return np.divide(shared, union, out=np.zeros(len(shared)), where=union > 0)
