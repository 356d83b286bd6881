"""COCO's twelve numbers, by hotcoco, which gives what pycocotools gives and faster.

Images are numbered by their ids, so that boxes of equal score are ranked alike whatever the order
of the files: COCO ranks them by the image's number, and with a constant score they are all equal.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

import numpy as np

from groundray.engine.boxes import xyxy_to_xywh
from groundray.engine.records import FloatArray, IntArray
from groundray.engine.scoring.pairs import Pairs
from groundray.formats.errors import GroundrayError

ScoreMode = Literal["constant", "order", "logprob", "given"]
"""What ranks the boxes: nothing (every score is 1), their place in the answer, the probability of
their coordinates' tokens, or the scores of a detector. Numbers of two modes cannot be compared."""

_LAST = 2  # of COCO's limits of detections an image and class: 1, 10, 100
_HASHED = 1 << 52  # ids that are no numbers come after those that are; float64 holds both


@dataclass(frozen=True, slots=True)
class Coco:
    """COCO's numbers; None where COCO says -1, as for a size that no target has.

    Attributes:
        mode: what the scores were.
        AP: mean over IoU 0.5:0.05:0.95 and classes of the 101-point average precision.
    """

    mode: ScoreMode
    AP: float | None
    AP50: float | None
    AP75: float | None
    APs: float | None
    APm: float | None
    APl: float | None
    AR1: float | None
    AR10: float | None
    AR100: float | None
    ARs: float | None
    ARm: float | None
    ARl: float | None


def image_number(record_id: str) -> int:
    """A COCO image id: the id itself where it is a number as one writes it, else a hash of it.

    So "7" and "007" are two images.
    """
    is_number = record_id.isascii() and record_id.isdigit() and len(record_id) <= len(str(_HASHED))
    if is_number and int(record_id) < _HASHED and str(int(record_id)) == record_id:
        return int(record_id)
    digest = blake2b(record_id.encode("utf-8", "replace"), digest_size=8).digest()
    return _HASHED + int.from_bytes(digest, "big") % _HASHED


def image_numbers(pairs: Pairs) -> IntArray:
    """`(N,)` COCO image ids."""
    return np.fromiter(map(image_number, pairs.id), dtype=np.int64, count=len(pairs))


def ranking_scores(pairs: Pairs, mode: ScoreMode) -> FloatArray:
    """`(P,)` what boxes are ranked by.

    Raises:
        GroundrayError: the mode needs scores, and a prediction has none.
    """
    if mode == "constant":
        return np.ones(len(pairs.prediction_xyxy))
    if mode == "order":
        starts = pairs.prediction_offsets[:-1][pairs.prediction_record]
        return 1 / (1 + np.arange(len(pairs.prediction_xyxy)) - starts)
    missing = np.flatnonzero(np.isnan(pairs.prediction_score))
    if len(missing):
        record = pairs.id[int(pairs.prediction_record[missing[0]])]
        raise GroundrayError(
            f"--score-mode {mode}: {len(missing):,} predictions have no score (the first is of "
            f"id {record!r}); constant and order need none"
        )
    return pairs.prediction_score


class CocoTally:
    """Matches by COCO's rule, gathered part by part; picklable.

    Attributes:
        num_classes: of the list.
        state: hotcoco's.
    """

    def __init__(self, num_classes: int) -> None:
        from hotcoco import StreamingEval

        self.num_classes = num_classes
        self.state = StreamingEval(
            [{"id": number, "name": str(number)} for number in range(1, num_classes + 1)]
        )

    def add(self, pairs: Pairs, mode: ScoreMode) -> None:
        """Adds records of detection with boxes; others have no place in COCO's numbers."""
        use = ~pairs.is_grounding & ~pairs.is_point
        numbers = image_numbers(pairs)
        images = [
            {"id": number, "width": width, "height": height}
            for number, (width, height), used in zip(
                numbers.tolist(), pairs.image_sizes.tolist(), use.tolist(), strict=True
            )
            if used
        ]
        if images:
            self.state.update(
                images,
                _targets(pairs, use, numbers),
                _detections(pairs, use, numbers, ranking_scores(pairs, mode), self.num_classes),
            )

    @classmethod
    def merge(cls, tallies: "list[CocoTally]") -> "CocoTally":
        """All parts as one; their order is irrelevant."""
        if len(tallies) == 1:
            return tallies[0]
        from hotcoco import StreamingEval

        merged = cls(tallies[0].num_classes)
        merged.state = StreamingEval.merge([tally.state for tally in tallies])
        return merged

    def finish(self, mode: ScoreMode) -> tuple[Coco, FloatArray]:
        """The twelve numbers, and `(C, 3)` AP, AP50 and AP75 by class, NaN where undefined."""
        evaluated = self.state.finalize()
        evaluated.accumulate()
        curves = evaluated.eval or {}
        precision, recall = np.asarray(curves["precision"]), np.asarray(curves["recall"])
        return _summarise(precision, recall, mode), _by_class(precision)


def _targets(pairs: Pairs, use: "np.ndarray[Any, Any]", numbers: IntArray) -> list[dict[str, Any]]:
    rows = use[pairs.target_record]
    xyxy = pairs.target_xyxy[rows]
    columns = (
        numbers[pairs.target_record[rows]],
        pairs.target_class[rows] + 1,
        xyxy_to_xywh(xyxy),
        pairs.target_area[rows],
        pairs.is_crowd[rows].astype(np.int64),
    )
    return [
        {"id": i, "image_id": image, "category_id": class_, "bbox": bbox, "area": area,
         "iscrowd": crowd}
        for i, (image, class_, bbox, area, crowd) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True), start=1
        )
    ]  # fmt: skip


def _detections(
    pairs: Pairs,
    use: "np.ndarray[Any, Any]",
    numbers: IntArray,
    scores: FloatArray,
    num_classes: int,
) -> FloatArray:
    """`(K, 7)` image, xywh, score, class; labels outside the list have no place in COCO."""
    class_ = pairs.prediction_class
    rows = use[pairs.prediction_record] & (class_ >= 0) & (class_ < num_classes)
    return np.column_stack(
        [
            numbers[pairs.prediction_record[rows]],
            xyxy_to_xywh(pairs.prediction_xyxy[rows]),
            scores[rows],
            class_[rows] + 1,
        ]
    ).astype(np.float64)


def _summarise(precision: FloatArray, recall: FloatArray, mode: ScoreMode) -> Coco:
    """`COCOeval.summarize`: the mean of what is defined.

    Args:
        precision: `(10, 101, C, 4, 3)` by IoU, recall, class, size (all, s, m, l), limit.
        recall: `(10, C, 4, 3)`.
        mode: what the scores were.
    """
    ap = precision[..., _LAST]
    return Coco(
        mode=mode,
        AP=_mean(ap[..., 0]),
        AP50=_mean(ap[0, ..., 0]),
        AP75=_mean(ap[5, ..., 0]),
        APs=_mean(ap[..., 1]),
        APm=_mean(ap[..., 2]),
        APl=_mean(ap[..., 3]),
        AR1=_mean(recall[..., 0, 0]),
        AR10=_mean(recall[..., 0, 1]),
        AR100=_mean(recall[..., 0, 2]),
        ARs=_mean(recall[..., 1, 2]),
        ARm=_mean(recall[..., 2, 2]),
        ARl=_mean(recall[..., 3, 2]),
    )


def _mean(values: FloatArray) -> float | None:
    known = values[values > -1]
    return float(known.mean()) if len(known) else None


def _by_class(precision: FloatArray) -> FloatArray:
    ap = precision[..., 0, _LAST]  # IoU, recall, class
    ap = np.where(ap > -1, ap, np.nan)
    return np.stack([ap.mean(axis=(0, 1)), ap[0].mean(axis=0), ap[5].mean(axis=0)], axis=1)
