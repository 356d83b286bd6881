"""Precision, recall and F1 of the boxes that were predicted, all of them, as they are.

A language model gives no confidences: its boxes are one point on a curve, and this is that point.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from groundray.engine.records import FloatArray
from groundray.engine.scoring.counts import (
    FALSE,
    IOU,
    IOU_UNIT,
    PREDICTIONS,
    TARGETS,
    TRUE,
)
from groundray.engine.scoring.matching import AT_50, AT_75

Values = dict[str, FloatArray]
"""By metric, one value a row of counts; NaN where it is not defined."""


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """How good the predicted boxes are.

    Micro figures count boxes of all classes together; an invented class is a false positive. Macro
    figures are means over the classes of the list that have targets; a class without a prediction
    has precision 0 there. `_mean` is the mean over IoU 0.5 to 0.95 in steps of 0.05, COCO's
    thresholds. F1 is 2 TP / (2 TP + FP + FN). None where there is nothing to divide by.

    Attributes:
        mean_iou: of the matches at 0.5.
        ignored_50: predictions inside a crowd, which count neither way.
    """

    precision_50: float | None
    recall_50: float | None
    f1_50: float | None
    precision_75: float | None
    recall_75: float | None
    f1_75: float | None
    precision_mean: float | None
    recall_mean: float | None
    f1_mean: float | None
    macro_precision_50: float | None
    macro_recall_50: float | None
    macro_f1_50: float | None
    macro_precision_75: float | None
    macro_recall_75: float | None
    macro_f1_75: float | None
    macro_precision_mean: float | None
    macro_recall_mean: float | None
    macro_f1_mean: float | None
    mean_iou: float | None
    targets: int
    predictions: int
    true_positives_50: int
    false_positives_50: int
    false_negatives_50: int
    ignored_50: int


def micro(counts: "np.ndarray[Any, Any]") -> Values:
    """Precision, recall and F1 at 0.5, at 0.75 and on average, and the mean IoU of matches.

    Args:
        counts: `(..., NUM_COUNTS)`; each row is judged by itself.
    """
    true = counts[..., TRUE].astype(np.float64)
    false = counts[..., FALSE]
    targets = counts[..., TARGETS, None]
    by_threshold = {
        "precision": divide(true, true + false),
        "recall": divide(true, targets),
        "f1": divide(2 * true, true + false + targets),
    }
    values: Values = {}
    for at, index in (("50", AT_50), ("75", AT_75)):
        values |= {f"{name}_{at}": each[..., index] for name, each in by_threshold.items()}
    values |= {f"{name}_mean": each.mean(axis=-1) for name, each in by_threshold.items()}
    values["mean_iou"] = divide(counts[..., IOU] / IOU_UNIT, true[..., AT_50])
    return values


def macro(class_counts: "np.ndarray[Any, Any]") -> Values:
    """Means over classes that have targets.

    Args:
        class_counts: `(C, NUM_COUNTS)` of the classes of the list, and no others.
    """
    of_class = micro(class_counts[class_counts[:, TARGETS] > 0])
    del of_class["mean_iou"]
    return {f"macro_{name}": _mean(np.nan_to_num(each)) for name, each in of_class.items()}


def operating_point(
    counts: "np.ndarray[Any, Any]", class_counts: "np.ndarray[Any, Any]", *, with_iou: bool
) -> OperatingPoint:
    """The numbers for people.

    Args:
        counts: `(NUM_COUNTS,)` of all records.
        class_counts: `(C, NUM_COUNTS)`.
        with_iou: whether an IoU means anything: not for points.
    """
    true, false = int(counts[TRUE][AT_50]), int(counts[FALSE][AT_50])
    targets, predictions = int(counts[TARGETS]), int(counts[PREDICTIONS])
    figures = micro(counts) | macro(class_counts)
    values = {name: defined(value) for name, value in figures.items()}
    if not with_iou:
        values["mean_iou"] = None
    return OperatingPoint(
        **values,
        targets=targets,
        predictions=predictions,
        true_positives_50=true,
        false_positives_50=false,
        false_negatives_50=targets - true,
        ignored_50=predictions - true - false,
    )


def divide(above: "np.ndarray[Any, Any]", below: "np.ndarray[Any, Any]") -> FloatArray:
    """Elementwise; NaN where there is nothing to divide by."""
    above, below = np.broadcast_arrays(np.asarray(above, np.float64), below)
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below != 0)


def defined(value: FloatArray) -> float | None:
    """A number for JSON; None for NaN."""
    return None if np.isnan(value) else float(value)


def _mean(values: FloatArray) -> FloatArray:
    return np.asarray(values.mean() if len(values) else np.nan)
