"""Pairs: what is true of many images beside what was predicted, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import compress

import numpy as np

from groundray.engine.records import BoolArray, FloatArray, IntArray, offsets_of

UNLABELLED = -1
"""Class of a prediction without a label."""

INVENTED = -2
"""Class of a prediction with the first of `Pairs.invented`; the next is one lower, and so on."""

UNSEEN = frozenset({"truncated", "truncated_reasoning", "unparsable"})
"""Issues of answers that a strict reader of JSON gets nothing from."""


@dataclass(frozen=True, slots=True)
class Answers:
    """How N answers came about, apart from their boxes.

    Attributes:
        issues: codes of each; see `groundray.formats.issues`.
        error: what kept a record from being answered, or None.
        was_cut: `(N,)` whether the limit of tokens ended it.
        num_tokens: `(N,)`, -1 where nobody counted.
    """

    issues: Sequence[Sequence[str]]
    error: Sequence[str | None]
    was_cut: BoolArray
    num_tokens: IntArray

    @property
    def is_sound(self) -> BoolArray:
        """`(N,)` whether an answer could be read as a whole."""
        faults = zip(self.issues, self.error, strict=True)
        return np.array([not issues and error is None for issues, error in faults], dtype=np.bool_)

    def take(self, keep: BoolArray) -> "Answers":
        """Those where `keep`, `(N,)`, is true."""
        return Answers(
            list(compress(self.issues, keep)),
            list(compress(self.error, keep)),
            self.was_cut[keep],
            self.num_tokens[keep],
        )


@dataclass(frozen=True, slots=True)
class Pairs:
    """N records with T targets and P predictions between them.

    Targets of record i are `target_offsets[i]:target_offsets[i + 1]`; predictions alike, in the
    order of the answer. A record with an expression is one class by itself, that of its first
    target: `classes` has no say in it, and labels of its predictions have none.

    Attributes:
        id: N ids.
        image: N paths or URLs, as the predictions say them.
        image_sizes: `(N, 2)` width and height, pixels.
        is_grounding: `(N,)` whether there was an expression to find.
        is_point: `(N,)` whether predictions are points, with x1 = x2 and y1 = y2.
        classes: names by class number.
        target_offsets: `(N + 1,)`.
        target_xyxy: `(T, 4)` pixels.
        target_class: `(T,)` index into `classes`; `len(classes)` for an expression whose targets
            have none of them.
        target_area: `(T,)` pixels; what the source says, or else the box's.
        is_crowd: `(T,)`.
        prediction_offsets: `(N + 1,)`.
        prediction_xyxy: `(P, 4)` pixels, anything at all.
        prediction_class: `(P,)` as `target_class`, or `UNLABELLED`, or `INVENTED` and below.
        prediction_score: `(P,)` NaN where there is none.
        wire: `(P, 4)` what the model wrote; NaN where it is not four numbers.
        invented: labels that are in no list of classes, by `INVENTED - prediction_class`.
        answers: how they came about; None for a detector's results.
    """

    id: Sequence[str]
    image: Sequence[str]
    image_sizes: FloatArray
    is_grounding: BoolArray
    is_point: BoolArray
    classes: Sequence[str]
    target_offsets: IntArray
    target_xyxy: FloatArray
    target_class: IntArray
    target_area: FloatArray
    is_crowd: BoolArray
    prediction_offsets: IntArray
    prediction_xyxy: FloatArray
    prediction_class: IntArray
    prediction_score: FloatArray
    wire: FloatArray
    invented: Sequence[str] = ()
    answers: Answers | None = field(default=None)

    def __len__(self) -> int:
        return len(self.id)

    @property
    def target_record(self) -> IntArray:
        """`(T,)` index of the record that each target belongs to."""
        return np.repeat(np.arange(len(self.id)), np.diff(self.target_offsets))

    @property
    def prediction_record(self) -> IntArray:
        """`(P,)` index of the record that each prediction belongs to."""
        return np.repeat(np.arange(len(self.id)), np.diff(self.prediction_offsets))

    @property
    def num_targets(self) -> IntArray:
        """`(N,)` targets of each record that are no crowd."""
        return np.bincount(self.target_record[~self.is_crowd], minlength=len(self.id))

    @property
    def num_predictions(self) -> IntArray:
        """`(N,)` predictions of each record."""
        return np.diff(self.prediction_offsets)

    @property
    def is_sound(self) -> BoolArray:
        """`(N,)` whether an answer could be read as a whole."""
        return np.ones(len(self), np.bool_) if self.answers is None else self.answers.is_sound

    def take_records(self, keep: BoolArray) -> "Pairs":
        """Only the records where `keep`, `(N,)`, is true, with all that belongs to them."""
        if keep.all():
            return self
        targets = keep[self.target_record]
        rest = self.take_predictions(keep[self.prediction_record])
        return replace(
            rest,
            id=list(compress(self.id, keep)),
            image=list(compress(self.image, keep)),
            image_sizes=self.image_sizes[keep],
            is_grounding=self.is_grounding[keep],
            is_point=self.is_point[keep],
            target_offsets=offsets_of(np.diff(self.target_offsets)[keep]),
            target_xyxy=self.target_xyxy[targets],
            target_class=self.target_class[targets],
            target_area=self.target_area[targets],
            is_crowd=self.is_crowd[targets],
            prediction_offsets=offsets_of(self.num_predictions[keep]),
            answers=None if self.answers is None else self.answers.take(keep),
        )

    def take_predictions(self, keep: BoolArray) -> "Pairs":
        """All records, with only the predictions where `keep`, `(P,)`, is true."""
        if keep.all():
            return self
        counts = np.bincount(self.prediction_record[keep], minlength=len(self))
        return replace(
            self,
            prediction_offsets=offsets_of(counts),
            prediction_xyxy=self.prediction_xyxy[keep],
            prediction_class=self.prediction_class[keep],
            prediction_score=self.prediction_score[keep],
            wire=self.wire[keep],
        )


def areas_of(xyxy: FloatArray) -> FloatArray:
    """`(N,)` areas in square pixels; 0 for an inverted box."""
    width, height = xyxy[:, 2] - xyxy[:, 0], xyxy[:, 3] - xyxy[:, 1]
    areas: FloatArray = np.maximum(width, 0) * np.maximum(height, 0)
    return areas
