"""How far a model that makes no mistake could go: these very targets, written and read back."""

from dataclasses import dataclass

import numpy as np

from groundray.engine.records import IntArray
from groundray.engine.scoring.counts import IOU_UNIT, SIZES, in_units, size_of
from groundray.engine.scoring.matching import AT_50, AT_75, IOU_THRESHOLDS
from groundray.engine.scoring.operating_point import defined, divide
from groundray.engine.scoring.pairs import Pairs
from groundray.formats import BoxFormat
from groundray.formats.ceiling import paired_iou

NUM_CEILING = 2 + len(IOU_THRESHOLDS)
"""Columns: boxes, sum of their IoUs, and how many reach each threshold."""


@dataclass(frozen=True, slots=True)
class FormatCeiling:
    """What rounding to the format's numbers alone costs.

    Attributes:
        mean_iou: between targets and what their wire numbers decode to.
        mean_iou_small, mean_iou_medium, mean_iou_large: by COCO's sizes.
        f1_50, f1_75, f1_mean: shares of targets that still reach the IoU: no F1 or recall can be
            higher.
        targets: that were measured: boxes with area, no crowds.
    """

    mean_iou: float | None
    mean_iou_small: float | None
    mean_iou_medium: float | None
    mean_iou_large: float | None
    f1_50: float | None
    f1_75: float | None
    f1_mean: float | None
    targets: int


def count_ceiling(pairs: Pairs, format_: BoxFormat) -> IntArray:
    """`(3, NUM_CEILING)` by size; targets are clipped to their image first."""
    result = np.zeros((len(SIZES), NUM_CEILING), dtype=np.int64)
    sizes = pairs.image_sizes[pairs.target_record]
    xyxy = np.clip(pairs.target_xyxy, 0, np.tile(sizes, 2))
    rows = np.flatnonzero(
        ~pairs.is_crowd
        & ~pairs.is_point[pairs.target_record]
        & (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)
    )
    if not len(rows):
        return result
    xyxy, sizes = xyxy[rows], sizes[rows]
    wire = format_.encode(xyxy, sizes)
    decoded = np.empty_like(xyxy)
    distinct, which = np.unique(sizes, axis=0, return_inverse=True)
    order = np.argsort(which.reshape(-1), kind="stable")
    ends = np.cumsum(np.bincount(which.reshape(-1)))
    for (width, height), own in zip(distinct.tolist(), np.split(order, ends[:-1]), strict=True):
        decoded[own] = format_.decode(wire[own], (width, height))
    iou = paired_iou(xyxy, decoded)
    groups = size_of(pairs.target_area[rows])
    np.add.at(result[:, 0], groups, 1)
    np.add.at(result[:, 1], groups, in_units(iou))
    np.add.at(result[:, 2:], groups, (iou[:, None] >= IOU_THRESHOLDS).astype(np.int64))
    return result


def format_ceiling(counts: IntArray) -> FormatCeiling | None:
    """The numbers for people; None where nothing was measured."""
    total = counts.sum(axis=0)
    if not total[0]:
        return None
    means = divide(counts[:, 1] / IOU_UNIT, counts[:, 0])
    small, medium, large = (defined(mean) for mean in means)
    reached = total[2:] / total[0]
    return FormatCeiling(
        mean_iou=float(total[1] / IOU_UNIT / total[0]),
        mean_iou_small=small,
        mean_iou_medium=medium,
        mean_iou_large=large,
        f1_50=float(reached[AT_50]),
        f1_75=float(reached[AT_75]),
        f1_mean=float(reached.mean()),
        targets=int(total[0]),
    )
