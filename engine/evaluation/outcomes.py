"""Outcomes: what became of every box of an image, for people who want to look at it."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from groundray.engine.evaluation.prediction_files import PredictionFiles, image_place, iter_blocks
from groundray.engine.evaluation.prediction_pairs import build_pairs
from groundray.engine.records import FloatArray, IntArray
from groundray.engine.scoring.counts import SIZES, size_of
from groundray.engine.scoring.error_kinds import ERROR_KINDS, KINDS, find_error_kinds
from groundray.engine.scoring.matching import match
from groundray.engine.scoring.overlaps import iou_of
from groundray.engine.scoring.pairs import Pairs, areas_of
from groundray.models.urls import public_name


@dataclass(frozen=True, slots=True)
class BoxOutcome:
    """What became of one target or prediction at IoU 0.5.

    Attributes:
        category: its label; None for a prediction without one.
        xyxy: pixels of the stored image.
        size: small, medium or large, by COCO's areas.
        kind: one of `KINDS`; see `find_error_kinds`. A target is right, missed, misplaced,
            mislabelled or ignored (a crowd).
        other: of a prediction, the index of the target that makes it what it is; of a target, the
            index of the prediction that it is matched with; None without.
        iou: with `other`; None without, and for points.
        score: of a prediction, where it has one.
    """

    category: str | None
    xyxy: tuple[float, float, float, float]
    size: str
    kind: str
    other: int | None
    iou: float | None
    score: float | None


@dataclass(frozen=True, slots=True)
class ImageOutcome:
    """One record, its answer, and what became of the boxes.

    Attributes:
        id: of the record.
        image: absolute path or URL.
        width, height: pixels of the stored image.
        query: the expression, or None for detection.
        text: the answer, as it came.
        issues, error: what is wrong with the answer; see `groundray.formats.issues`.
        targets, predictions: in the order of the line.
        errors: how many boxes of each error kind; missed counts targets, the others predictions.
        f1_50: of this record alone; None where there is nothing to find and nothing was found.
    """

    id: str
    image: str
    width: int
    height: int
    query: str | None
    text: str
    issues: tuple[str, ...]
    error: str | None
    targets: tuple[BoxOutcome, ...]
    predictions: tuple[BoxOutcome, ...]
    errors: Mapping[str, int]
    f1_50: float | None


def image_outcomes(
    run: PredictionFiles,
    *,
    min_score: float | None = None,
    only: Container[str] | None = None,
) -> Iterator[ImageOutcome]:
    """Outcomes of all records of a run, in the order of its files, some at a time.

    They are those that the honest protocol counts: summed up, they give the error kinds of
    `scores.json`.

    Args:
        run: as `open_predictions` found it.
        min_score: as given to `evaluate`.
        only: ids of the records that are wanted, which costs a fifth of all; None for all.

    Raises:
        SourceError: a file cannot be read, or a line is not a prediction.
    """
    for file in run.files:
        number = 1
        for lines in iter_blocks(file):
            own = lines if only is None else [line for line in lines if _id_of(line) in only]
            pairs = build_pairs(own, run.classes, place=public_name(file), first=number)
            number += len(lines)
            read = [orjson.loads(line) for line in own if line.strip()]
            yield from _outcomes(pairs, read, file, min_score)


def _id_of(line: bytes) -> str | None:
    return str(orjson.loads(line)["id"]) if line.strip() else None


def _outcomes(
    pairs: Pairs, lines: list[dict[str, Any]], file: str, min_score: float | None
) -> Iterator[ImageOutcome]:
    keep = np.ones(len(pairs.prediction_xyxy), dtype=np.bool_)
    if min_score is not None:
        keep = ~(pairs.prediction_score < min_score)
    starts = pairs.prediction_offsets
    shown = pairs.take_predictions(keep)
    targets, predictions = _boxes(shown)
    for i, line in enumerate(lines):
        own = _labelled(
            predictions[shown.prediction_offsets[i] : shown.prediction_offsets[i + 1]],
            compress(line["predictions"], keep[starts[i] : starts[i + 1]].tolist()),
        )
        true = _labelled(
            targets[shown.target_offsets[i] : shown.target_offsets[i + 1]], line["targets"]
        )
        yield ImageOutcome(
            id=str(line["id"]),
            image=image_place(line["image"], file) if line["image"] else "",
            width=line["width"],
            height=line["height"],
            query=line["query"],
            text=line.get("text") or "",
            issues=tuple(line.get("issues") or ()),
            error=line.get("error"),
            targets=true,
            predictions=own,
            errors=_errors(true, own),
            f1_50=_f1(true, own),
        )


def _boxes(pairs: Pairs) -> tuple[list[BoxOutcome], list[BoxOutcome]]:
    """Targets and predictions of all records, without labels; `other` counts within the record."""
    matches = match(pairs)
    kinds = find_error_kinds(pairs, matches)
    first_target = pairs.target_offsets[pairs.prediction_record]
    first_prediction = pairs.prediction_offsets[pairs.target_record]
    is_point = pairs.is_point[pairs.target_record]
    of_target = _columns(
        pairs.target_xyxy,
        pairs.target_area,
        kinds.target,
        matches.prediction_of,
        first_prediction,
        np.where(
            is_point, np.nan, _iou(pairs.target_xyxy, pairs.prediction_xyxy, matches.prediction_of)
        ),
        np.full(len(pairs.target_xyxy), np.nan),
    )
    is_point = pairs.is_point[pairs.prediction_record]
    of_prediction = _columns(
        pairs.prediction_xyxy,
        areas_of(pairs.prediction_xyxy),
        kinds.prediction,
        kinds.nearest,
        first_target,
        np.where(is_point, np.nan, _iou(pairs.prediction_xyxy, pairs.target_xyxy, kinds.nearest)),
        pairs.prediction_score,
    )
    return of_target, of_prediction


def _columns(  # noqa: PLR0913, PLR0917  columns
    xyxy: FloatArray,
    area: FloatArray,
    kinds: NDArray[np.int8],
    other: IntArray,
    first_other: IntArray,
    iou: FloatArray,
    score: FloatArray,
) -> list[BoxOutcome]:
    sizes = size_of(area).tolist()
    within = np.where(other < 0, -1, other - first_other).tolist()
    return [
        BoxOutcome(
            None,
            (x1, y1, x2, y2),
            SIZES[size],
            KINDS[kind],
            None if index < 0 else index,
            None if overlap != overlap else overlap,  # noqa: PLR0124  NaN
            None if confidence != confidence else confidence,  # noqa: PLR0124  NaN
        )
        for (x1, y1, x2, y2), size, kind, index, overlap, confidence in zip(
            xyxy.tolist(), sizes, kinds.tolist(), within, iou.tolist(), score.tolist(), strict=True
        )
    ]


def _iou(xyxy: FloatArray, others: FloatArray, which: IntArray) -> FloatArray:
    """`(N,)` IoU with one of the others, NaN for an index of -1."""
    iou = np.full(len(xyxy), np.nan)
    rows = np.flatnonzero(which >= 0)
    no_crowds = np.zeros(len(rows), dtype=np.bool_)
    iou[rows] = iou_of(xyxy[rows], others[which[rows]], crowd_b=no_crowds)
    return iou


def _labelled(
    boxes: Iterable[BoxOutcome], lines: Iterable[Mapping[str, Any]]
) -> tuple[BoxOutcome, ...]:
    return tuple(
        replace(box, category=line["category"]) for box, line in zip(boxes, lines, strict=True)
    )


def _errors(targets: Sequence[BoxOutcome], predictions: Sequence[BoxOutcome]) -> dict[str, int]:
    counts = Counter(box.kind for box in predictions)
    counts["missed"] = sum(box.kind == "missed" for box in targets)
    return {kind: counts[kind] for kind in ERROR_KINDS}


def _f1(targets: Sequence[BoxOutcome], predictions: Sequence[BoxOutcome]) -> float | None:
    true = sum(box.kind == "right" for box in predictions)
    boxes = sum(box.kind != "ignored" for box in (*targets, *predictions))
    return 2 * true / boxes if boxes else None
