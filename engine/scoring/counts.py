"""Counts that everything at the operating point is made of, for records, classes and sizes."""

from typing import Final

import numpy as np

from groundray.engine.records import IntArray
from groundray.engine.scoring.error_kinds import KINDS, ErrorKinds
from groundray.engine.scoring.matching import AT_50, IOU_THRESHOLDS, Matches
from groundray.engine.scoring.pairs import INVENTED, Pairs, areas_of

IOU_UNIT = 2.0**32
"""Sums of IoUs are counted in units of its inverse: integers add up to the same in any order."""

_T = len(IOU_THRESHOLDS)

TRUE = slice(0, _T)
FALSE = slice(_T, 2 * _T)
TARGETS: Final = 2 * _T
PREDICTIONS: Final = 2 * _T + 1
IOU: Final = 2 * _T + 2
NUM_COUNTS: Final = 2 * _T + 3
"""Columns of counts: true and false positives by threshold, targets that are no crowd, predictions,
and the IoUs of matches at 0.5."""

SIZES = ("small", "medium", "large")
"""COCO's: areas below 32^2, below 96^2, and from there on."""

_SIZE_LIMITS = np.array([32.0**2, 96.0**2])

OBJECTS = ("0", "1", "2", "3-5", "6-10", "11-20", "21+")
"""Groups of records by their number of targets."""

_OBJECT_LIMITS = np.array([1, 2, 3, 6, 11, 21])


def record_counts(pairs: Pairs, matches: Matches) -> IntArray:
    """`(N, NUM_COUNTS)` of each record."""
    return _counts(
        pairs,
        matches,
        of_target=pairs.target_record,
        of_prediction=pairs.prediction_record,
        rows=len(pairs),
    )


def class_counts(pairs: Pairs, matches: Matches) -> IntArray:
    """`(C + 3, NUM_COUNTS)`: classes, expressions, invented classes, boxes without a label."""
    return _counts(
        pairs,
        matches,
        of_target=pairs.target_class,
        of_prediction=class_rows(pairs),
        rows=len(pairs.classes) + 3,
    )


def size_counts(pairs: Pairs, matches: Matches) -> IntArray:
    """`(3, NUM_COUNTS)` by size of targets; a false positive has the size of its own box."""
    sizes = size_of(pairs.target_area)
    own = size_of(areas_of(pairs.prediction_xyxy))
    of_prediction = (
        np.where(matches.target_of >= 0, sizes[matches.target_of], own) if len(sizes) else own
    )
    return _counts(pairs, matches, of_target=sizes, of_prediction=of_prediction, rows=len(SIZES))


def object_counts(pairs: Pairs, counts: IntArray) -> IntArray:
    """`(7, 1 + NUM_COUNTS)` by number of targets: records, and what `record_counts` says."""
    groups = np.searchsorted(_OBJECT_LIMITS, pairs.num_targets, side="right")
    result = np.zeros((len(OBJECTS), 1 + NUM_COUNTS), dtype=np.int64)
    np.add.at(result[:, 0], groups, 1)
    np.add.at(result[:, 1:], groups, counts)
    return result


def kind_counts(pairs: Pairs, kinds: ErrorKinds) -> tuple[IntArray, IntArray]:
    """Error kinds by class, `(C + 3, 2 * 7)`, and by size, `(3, 2 * 7)`.

    The first seven columns count predictions by `KINDS`, at their own class and size; the last
    seven targets.
    """
    by_class = _kind_table(kinds, class_rows(pairs), pairs.target_class, len(pairs.classes) + 3)
    own = size_of(areas_of(pairs.prediction_xyxy))
    return by_class, _kind_table(kinds, own, size_of(pairs.target_area), len(SIZES))


def class_rows(pairs: Pairs) -> IntArray:
    """`(P,)` row of a table of classes that each prediction counts in."""
    classes = np.maximum(pairs.prediction_class, INVENTED)
    return np.where(classes < 0, classes + len(pairs.classes) + 3, classes)


def size_of(area: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> IntArray:
    """`(N,)` index into `SIZES` of areas in square pixels."""
    sizes: IntArray = np.searchsorted(_SIZE_LIMITS, area, side="right").astype(np.int64)
    return sizes


def _counts(
    pairs: Pairs, matches: Matches, *, of_target: IntArray, of_prediction: IntArray, rows: int
) -> IntArray:
    right = matches.is_right()
    wrong = ~right & ~matches.is_ignored()
    columns = np.zeros((NUM_COUNTS, rows), dtype=np.int64)
    for t in range(_T):
        columns[t] = np.bincount(of_prediction[right[:, t]], minlength=rows)
        columns[_T + t] = np.bincount(of_prediction[wrong[:, t]], minlength=rows)
    columns[TARGETS] = np.bincount(of_target[~pairs.is_crowd], minlength=rows)
    columns[PREDICTIONS] = np.bincount(of_prediction, minlength=rows)
    matched = right[:, AT_50]
    np.add.at(columns[IOU], of_prediction[matched], in_units(matches.iou[matched]))
    return np.ascontiguousarray(columns.T)


def in_units(iou: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> IntArray:
    """IoUs as integers."""
    units: IntArray = np.rint(iou * IOU_UNIT).astype(np.int64)
    return units


def _kind_table(
    kinds: ErrorKinds, of_prediction: IntArray, of_target: IntArray, rows: int
) -> IntArray:
    width = len(KINDS)
    table = np.zeros((rows, 2 * width), dtype=np.int64)
    np.add.at(table, (of_prediction, kinds.prediction), 1)
    np.add.at(table, (of_target, kinds.target + width), 1)
    return table
