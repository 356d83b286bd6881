"""Tallies: all that is known about some records of a run, which adds up to all of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from groundray.engine.records import FloatArray, IntArray
from groundray.engine.scoring.bootstrap import image_key, image_weights, replicate_sums
from groundray.engine.scoring.coco import CocoTally, ScoreMode
from groundray.engine.scoring.coordinate_lint import LintCounts, count_readings
from groundray.engine.scoring.counts import (
    NUM_COUNTS,
    class_counts,
    kind_counts,
    object_counts,
    record_counts,
    size_counts,
)
from groundray.engine.scoring.error_kinds import MISLABELLED, ErrorKinds, find_error_kinds
from groundray.engine.scoring.format_ceiling import NUM_CEILING, count_ceiling
from groundray.engine.scoring.grounding import NUM_GROUNDING, grounding_counts
from groundray.engine.scoring.health import HealthCounts, count_health
from groundray.engine.scoring.matching import AT_50, Matches, match
from groundray.engine.scoring.pairs import Pairs
from groundray.formats import BoxFormat

RecordKeys = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Rules:
    """How records are counted, the same for all of a run; picklable.

    Attributes:
        classes: names in order of class numbers.
        mode: what COCO's numbers rank boxes by.
        replicates: of the bootstrap; 0 for none.
        seed: of the bootstrap.
        min_score: predictions below it are left out everywhere but in COCO's numbers.
        format: whose ceiling is measured; None for none.
    """

    classes: Sequence[str]
    mode: ScoreMode
    replicates: int
    seed: int
    min_score: float | None = None
    format: BoxFormat | None = None


@dataclass(slots=True)
class Counted:
    """What one protocol counts; every array adds up.

    Attributes:
        records: `(NUM_COUNTS,)`.
        classes: `(C + 3, NUM_COUNTS)`; see `class_counts`.
        sizes: `(3, NUM_COUNTS)`.
        objects: `(7, 1 + NUM_COUNTS)`.
        grounding: `(NUM_GROUNDING,)`.
        kinds_by_class: `(C + 3, 14)`; see `kind_counts`.
        kinds_by_size: `(3, 14)`.
        replicates: `(R, NUM_COUNTS + NUM_GROUNDING)`.
        class_replicates: `(R, C, 3)` true and false positives at 0.5, and targets.
        confusion: how often a class was named another: (target's class, prediction's class).
        coco: COCO's matches, part by part.
    """

    records: IntArray
    classes: IntArray
    sizes: IntArray
    objects: IntArray
    grounding: IntArray
    kinds_by_class: IntArray
    kinds_by_size: IntArray
    replicates: FloatArray
    class_replicates: FloatArray
    confusion: Counter[tuple[int, int]]
    coco: list[CocoTally]

    def add(self, other: "Counted") -> None:
        """Adds what was counted elsewhere."""
        for name in _ARRAYS:
            array = getattr(self, name)
            array += getattr(other, name)
        self.confusion.update(other.confusion)
        self.coco.extend(other.coco)


_ARRAYS = (
    "records",
    "classes",
    "sizes",
    "objects",
    "grounding",
    "kinds_by_class",
    "kinds_by_size",
    "replicates",
    "class_replicates",
)


@dataclass(slots=True)
class Diagnosed:
    """What no protocol changes; every part adds up.

    Attributes:
        health, lint: counts.
        ceiling: `(3, NUM_CEILING)`.
        ids: keys of records, to find what two runs have in common.
    """

    health: HealthCounts = field(default_factory=Counter)
    lint: LintCounts = field(default_factory=Counter)
    ceiling: IntArray = field(default_factory=lambda: np.zeros((3, NUM_CEILING), np.int64))
    ids: list[RecordKeys] = field(default_factory=list)

    def add(self, other: "Diagnosed") -> None:
        """Adds what was found elsewhere."""
        self.health.update(other.health)
        self.lint.update(other.lint)
        self.ceiling += other.ceiling
        self.ids.extend(other.ids)


def count(all_pairs: Pairs, rules: Rules) -> Counted:
    """Counts records under rules."""
    counted = nothing_counted(rules)
    pairs = _confident(all_pairs, rules)
    matches = match(pairs)
    kinds = find_error_kinds(pairs, matches)
    records = record_counts(pairs, matches)
    grounding = grounding_counts(pairs, records)
    by_class, by_size = kind_counts(pairs, kinds)
    counted.records += records.sum(axis=0)
    counted.classes += class_counts(pairs, matches)
    counted.sizes += size_counts(pairs, matches)
    counted.objects += object_counts(pairs, records)
    counted.grounding += grounding.sum(axis=0)
    counted.kinds_by_class += by_class
    counted.kinds_by_size += by_size
    counted.confusion.update(_confusion(pairs, kinds))
    if rules.replicates:
        weights = _weights(pairs, rules)
        counted.replicates += replicate_sums(weights, np.hstack([records, grounding]))
        _add_classes(counted.class_replicates, pairs, matches, weights)
    tally = CocoTally(len(rules.classes))
    tally.add(all_pairs, rules.mode)
    counted.coco.append(tally)
    return counted


def diagnose(all_pairs: Pairs, rules: Rules) -> Diagnosed:
    """Finds what is wrong with answers, and what their format can do."""
    pairs = _confident(all_pairs, rules)
    return Diagnosed(
        health=count_health(pairs),
        lint=count_readings(pairs),
        ceiling=(
            np.zeros((3, NUM_CEILING), dtype=np.int64)
            if rules.format is None
            else count_ceiling(pairs, rules.format)
        ),
        ids=[record_keys(pairs)],
    )


def record_keys(pairs: Pairs) -> RecordKeys:
    """`(N,)` 64 bits that stand for each record's id."""
    return np.array([image_key(f"id://{each}") for each in pairs.id], dtype=np.uint64)


def nothing_counted(rules: Rules) -> Counted:
    """The tally of no records."""
    num_classes, replicates = len(rules.classes), rules.replicates
    width = NUM_COUNTS
    return Counted(
        records=np.zeros(width, dtype=np.int64),
        classes=np.zeros((num_classes + 3, width), dtype=np.int64),
        sizes=np.zeros((3, width), dtype=np.int64),
        objects=np.zeros((7, 1 + width), dtype=np.int64),
        grounding=np.zeros(NUM_GROUNDING, dtype=np.int64),
        kinds_by_class=np.zeros((num_classes + 3, 14), dtype=np.int64),
        kinds_by_size=np.zeros((3, 14), dtype=np.int64),
        replicates=np.zeros((replicates, width + NUM_GROUNDING)),
        class_replicates=np.zeros((replicates, num_classes, 3)),
        confusion=Counter(),
        coco=[],
    )


def _confident(pairs: Pairs, rules: Rules) -> Pairs:
    if rules.min_score is None:
        return pairs
    return pairs.take_predictions(~(pairs.prediction_score < rules.min_score))


def _weights(pairs: Pairs, rules: Rules) -> NDArray[np.int8]:
    keys = np.fromiter(map(image_key, pairs.image), dtype=np.uint64, count=len(pairs))
    return image_weights(keys, replicates=rules.replicates, seed=rules.seed)


def _add_classes(
    replicates: FloatArray, pairs: Pairs, matches: Matches, weights: NDArray[np.int8]
) -> None:
    """Adds to `(R, C, 3)`: one product of matrices for all classes that occur."""
    right = matches.is_right()[:, AT_50]
    wrong = ~right & ~matches.is_ignored()[:, AT_50]
    plain = ~pairs.is_crowd
    num_classes = replicates.shape[1]
    for column, (classes, records) in enumerate(
        (
            (pairs.prediction_class[right], pairs.prediction_record[right]),
            (pairs.prediction_class[wrong], pairs.prediction_record[wrong]),
            (pairs.target_class[plain], pairs.target_record[plain]),
        )
    ):
        listed = (classes >= 0) & (classes < num_classes)
        occurring, which = np.unique(classes[listed], return_inverse=True)
        table = np.zeros((len(pairs), len(occurring)), dtype=np.float32)
        np.add.at(table, (records[listed], which.reshape(-1)), 1)
        replicates[:, occurring, column] += weights.T.astype(np.float32) @ table


def _confusion(pairs: Pairs, kinds: ErrorKinds) -> Counter[tuple[int, int]]:
    rows = np.flatnonzero(kinds.prediction == MISLABELLED)
    truth = pairs.target_class[kinds.nearest[rows]].tolist()
    said = np.maximum(pairs.prediction_class[rows], -2).tolist()
    return Counter(zip(truth, said, strict=True))
