"""Scores by class, by size and by number of objects; mistakes by kind; what was called what."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from groundray.engine.records import FloatArray, IntArray
from groundray.engine.scoring.counts import FALSE, OBJECTS, PREDICTIONS, SIZES, TARGETS, TRUE
from groundray.engine.scoring.error_kinds import ERROR_KINDS, KINDS, RIGHT
from groundray.engine.scoring.matching import AT_50
from groundray.engine.scoring.operating_point import defined, micro

EXPRESSION = "(expression)"
INVENTED_CLASS = "(not in the list)"
NO_LABEL = "(no label)"
"""What stands for classes that are none, in tables."""

_MAX_CONFUSIONS = 200
_OFFSET = len(KINDS)  # columns of predictions come first, then those of targets


@dataclass(frozen=True, slots=True)
class ClassScores:
    """One class; the figures are those of `OperatingPoint` and, for AP, of `Coco`.

    Attributes:
        errors: by kind: missed counts targets of the class, the others its predictions.
    """

    category: str
    targets: int
    predictions: int
    true_positives_50: int
    precision_50: float | None
    recall_50: float | None
    f1_50: float | None
    f1_75: float | None
    f1_mean: float | None
    mean_iou: float | None
    AP: float | None
    AP50: float | None
    AP75: float | None
    errors: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class GroupScores:
    """Objects of one size, or records with so many objects.

    Attributes:
        group: name of the size, or range of the number of targets.
        records: None for sizes.
        errors: by kind; None for numbers of objects.
    """

    group: str
    records: int | None
    targets: int
    predictions: int
    true_positives_50: int
    precision_50: float | None
    recall_50: float | None
    f1_50: float | None
    f1_75: float | None
    f1_mean: float | None
    mean_iou: float | None
    errors: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class KindScores:
    """Mistakes of one kind at IoU 0.5.

    Attributes:
        kind: see `find_error_kinds`.
        predictions: of that kind: false positives, all kinds together.
        targets: that are not found and that the kind accounts for: false negatives, all kinds
            together.
        f1_50_if_fixed: what F1 would be without this kind alone: the predictions gone, or right
            where a target is waiting for them, and the missed found.
    """

    kind: str
    predictions: int
    targets: int
    f1_50_if_fixed: float | None


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often a target of one class was predicted, at IoU 0.5, as another."""

    target: str
    prediction: str
    count: int


def by_class(
    counts: IntArray, kinds: IntArray, average_precision: FloatArray, classes: Sequence[str]
) -> list[ClassScores]:
    """Classes in the order of the list, then whatever else was counted.

    Args:
        counts: `(C + 3, NUM_COUNTS)`.
        kinds: `(C + 3, 14)`.
        average_precision: `(C, 3)`.
        classes: C names.
    """
    names = row_names(classes)
    values = micro(counts)
    ap = np.full((len(counts), 3), np.nan)
    ap[: len(classes)] = average_precision
    found = []
    for row, name in enumerate(names):
        if row >= len(classes) and not counts[row, TARGETS] + counts[row, PREDICTIONS]:
            continue
        found.append(
            ClassScores(
                category=name,
                targets=int(counts[row, TARGETS]),
                predictions=int(counts[row, PREDICTIONS]),
                true_positives_50=int(counts[row, TRUE][AT_50]),
                **_values(values, row),
                AP=defined(ap[row, 0]),
                AP50=defined(ap[row, 1]),
                AP75=defined(ap[row, 2]),
                errors=_errors(kinds[row]),
            )
        )
    return found


def by_size(counts: IntArray, kinds: IntArray) -> list[GroupScores]:
    """Small, medium and large: targets by their area, false positives by their own box's."""
    return _groups(SIZES, counts, None, kinds)


def by_objects(counts: IntArray) -> list[GroupScores]:
    """Records by how many targets they have, from `(7, 1 + NUM_COUNTS)`."""
    return _groups(OBJECTS, counts[:, 1:], counts[:, 0], None)


def kind_scores(counts: IntArray, kinds: IntArray) -> list[KindScores]:
    """Mistakes by kind.

    Args:
        counts: `(NUM_COUNTS,)` of all records.
        kinds: `(14,)` of all records.
    """
    true, false = int(counts[TRUE][AT_50]), int(counts[FALSE][AT_50])
    targets = int(counts[TARGETS])
    found = []
    for number, kind in enumerate(ERROR_KINDS, start=RIGHT + 1):
        wrong, lost = int(kinds[number]), int(kinds[_OFFSET + number])
        # a misplaced or mislabelled box set right answers the target that it accounts for; a
        # missed one is found by a new box
        below = 2 * (true + lost) + (false - wrong) + (targets - true - lost)
        found.append(KindScores(kind, wrong, lost, 2 * (true + lost) / below if below else None))
    return found


def confusions(counts: Counter[tuple[int, int]], classes: Sequence[str]) -> list[Confusion]:
    """The most frequent first, then by name; 200 at most."""
    names = row_names(classes)
    found = [Confusion(names[truth], names[said], n) for (truth, said), n in counts.items()]
    found.sort(key=lambda each: (-each.count, each.target, each.prediction))
    return found[:_MAX_CONFUSIONS]


def row_names(classes: Sequence[str]) -> list[str]:
    """Names of the rows of a table of classes; the last two are also -2 and -1."""
    return [*classes, EXPRESSION, INVENTED_CLASS, NO_LABEL]


def _groups(
    names: Sequence[str], counts: IntArray, records: IntArray | None, kinds: IntArray | None
) -> list[GroupScores]:
    values = micro(counts)
    return [
        GroupScores(
            group=name,
            records=None if records is None else int(records[row]),
            targets=int(counts[row, TARGETS]),
            predictions=int(counts[row, PREDICTIONS]),
            true_positives_50=int(counts[row, TRUE][AT_50]),
            **_values(values, row),
            errors=None if kinds is None else _errors(kinds[row]),
        )
        for row, name in enumerate(names)
    ]


def _values(values: Mapping[str, FloatArray], row: int) -> dict[str, float | None]:
    names = ("precision_50", "recall_50", "f1_50", "f1_75", "f1_mean", "mean_iou")
    return {name: defined(values[name][row]) for name in names}


def _errors(kinds: IntArray) -> dict[str, int]:
    """Missed targets, and predictions of the other kinds."""
    both = kinds[:_OFFSET] + 0
    both[KINDS.index("missed")] = kinds[_OFFSET + KINDS.index("missed")]
    return {kind: int(both[KINDS.index(kind)]) for kind in ERROR_KINDS}
