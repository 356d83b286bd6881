"""What is wrong with answers, whatever their boxes are worth. Nothing here changes a score."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from groundray.engine.records import BoolArray
from groundray.engine.scoring.coordinate_lint import Reading
from groundray.engine.scoring.duplicates import is_duplicate
from groundray.engine.scoring.pairs import INVENTED, UNLABELLED, Pairs

_SLACK = 1e-3  # pixels: decoding to the far edge may go beyond it by a rounding error
_MAX_LABEL_CHARS = 100
_MAX_NAMES = 20
_AS_COUNTED = (
    "records",
    "unsound",
    "truncated",
    "empty_answers",
    "predictions",
    "out_of_range",
    "degenerate",
    "invented_classes",
    "unlabelled",
    "duplicates",
    "empty_images",
    "false_boxes_on_empty_images",
    "empty_images_with_boxes",
)


@dataclass(frozen=True, slots=True)
class Named:
    """A name with a count."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Health:
    """Counts of answers and of boxes; shares are of `records` or `predictions`.

    Attributes:
        records: all, answered or not.
        errors: records that nobody could answer (a bad image, a lost server), by the message's
            first words.
        unsound: answers that have any issue.
        issues: answers by issue: what could not be parsed, and why.
        truncated: answers that the limit of tokens ended, or whose text stops inside an object.
        empty_answers: sound answers without a box.
        predictions: boxes in all.
        out_of_range: boxes that reach out of their image by more than 0.001 pixels.
        degenerate: boxes without area, or inverted; points have none and do not count.
        invented_classes: boxes whose label is not in the list of classes: false positives.
        invented_names: the most frequent of those labels.
        unlabelled: boxes of detection without a label: false positives.
        duplicates: boxes with IoU above 0.9 with an earlier one of the same image and class.
        count_error: mean over records of |predictions - targets|.
        count_bias: mean over records of predictions - targets: below 0 where too few.
        empty_images: records without a target.
        false_boxes_on_empty_images: boxes there.
        empty_images_with_boxes: how many of them have any.
        mean_tokens: of the answers whose tokens were counted.
        coordinate_lint: readings that explain answers better than the format's own.
    """

    records: int
    errors: Mapping[str, int]
    unsound: int
    issues: Mapping[str, int]
    truncated: int
    truncated_share: float | None
    empty_answers: int
    predictions: int
    out_of_range: int
    out_of_range_share: float | None
    degenerate: int
    invented_classes: int
    invented_share: float | None
    invented_names: Sequence[Named]
    unlabelled: int
    duplicates: int
    duplicates_share: float | None
    count_error: float | None
    count_bias: float | None
    empty_images: int
    false_boxes_on_empty_images: int
    empty_images_with_boxes: int
    mean_tokens: float | None
    coordinate_lint: Sequence[Reading]


HealthCounts = Counter[str]
"""Counts by name; those with a "/" are of one issue, error or label."""


def count_health(pairs: Pairs) -> HealthCounts:
    """Counts of some records, which add up."""
    targets, predictions = pairs.num_targets, pairs.num_predictions
    nothing = np.diff(pairs.target_offsets) == 0
    label = pairs.prediction_class
    counts: HealthCounts = Counter(
        records=len(pairs),
        predictions=int(predictions.sum()),
        empty_answers=int((pairs.is_sound & (predictions == 0)).sum()),
        out_of_range=int(is_out_of_range(pairs).sum()),
        degenerate=int(_is_degenerate(pairs).sum()),
        invented_classes=int((label <= INVENTED).sum()),
        unlabelled=int((label == UNLABELLED).sum()),
        duplicates=int(is_duplicate(pairs).sum()),
        count_error=int(np.abs(predictions - targets).sum()),
        count_bias=int((predictions - targets).sum()),
        empty_images=int(nothing.sum()),
        false_boxes_on_empty_images=int(predictions[nothing].sum()),
        empty_images_with_boxes=int((predictions[nothing] > 0).sum()),
    )
    for code, number in zip(*np.unique(label[label <= INVENTED], return_counts=True), strict=True):
        name = pairs.invented[INVENTED - int(code)]
        counts[f"invented/{name[:_MAX_LABEL_CHARS]}"] += int(number)
    _count_answers(pairs, counts)
    return counts


def health(counts: HealthCounts, lint: Sequence[Reading]) -> Health:
    """The figures for people."""
    records, predictions = counts["records"], counts["predictions"]
    values: dict[str, Any] = {name: counts[name] for name in _AS_COUNTED}
    return Health(
        **values,
        errors=_below(counts, "error"),
        issues=_below(counts, "issue"),
        truncated_share=_share(counts["truncated"], records),
        out_of_range_share=_share(counts["out_of_range"], predictions),
        invented_share=_share(counts["invented_classes"], predictions),
        invented_names=[
            Named(name, count)
            for name, count in list(_below(counts, "invented").items())[:_MAX_NAMES]
        ],
        duplicates_share=_share(counts["duplicates"], predictions),
        count_error=_share(counts["count_error"], records),
        count_bias=_share(counts["count_bias"], records),
        mean_tokens=_share(counts["tokens"], counts["counted_answers"]),
        coordinate_lint=lint,
    )


def is_out_of_range(pairs: Pairs) -> BoolArray:
    """`(P,)` whether a box reaches out of its image."""
    edges = np.tile(pairs.image_sizes[pairs.prediction_record], 2)
    xyxy = pairs.prediction_xyxy
    result: BoolArray = ((xyxy < -_SLACK) | (xyxy > edges + _SLACK)).any(axis=1)
    return result


def _is_degenerate(pairs: Pairs) -> BoolArray:
    xyxy = pairs.prediction_xyxy
    flat = (xyxy[:, 2] <= xyxy[:, 0]) | (xyxy[:, 3] <= xyxy[:, 1])
    result: BoolArray = flat & ~pairs.is_point[pairs.prediction_record]
    return result


def _count_answers(pairs: Pairs, counts: HealthCounts) -> None:
    answers = pairs.answers
    if answers is None:
        return
    truncated = answers.was_cut.tolist()
    for i, (issues, error) in enumerate(zip(answers.issues, answers.error, strict=True)):
        for issue in set(issues):
            counts[f"issue/{issue[:_MAX_LABEL_CHARS]}"] += 1
        if error is not None:
            counts[f"error/{error.split(':', 1)[0][:_MAX_LABEL_CHARS]}"] += 1
        counts["unsound"] += bool(issues)
        counts["truncated"] += truncated[i] or any("truncated" in issue for issue in issues)
    counted = answers.num_tokens >= 0
    counts["counted_answers"] += int(counted.sum())
    counts["tokens"] += int(answers.num_tokens[counted].sum())


def _below(counts: HealthCounts, kind: str) -> dict[str, int]:
    """Counts of one kind by name, the most frequent first."""
    own = {key[len(kind) + 1 :]: n for key, n in counts.items() if key.startswith(f"{kind}/")}
    return dict(sorted(own.items(), key=lambda each: (-each[1], each[0])))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
