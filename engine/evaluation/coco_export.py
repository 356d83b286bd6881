"""Predictions as COCO's JSON files, for COCO's own tools and for any other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from groundray.engine.boxes import xyxy_to_xywh
from groundray.engine.evaluation.evaluated import check_distinct
from groundray.engine.evaluation.prediction_files import PredictionFiles, iter_pairs
from groundray.engine.records import BoolArray
from groundray.engine.scoring.coco import ScoreMode, image_numbers, ranking_scores
from groundray.engine.scoring.pairs import Pairs
from groundray.engine.scoring.tallies import record_keys
from groundray.engine.sources import file_system
from groundray.engine.storage import write_errors
from groundray.formats.errors import OutputError
from groundray.models.urls import public_name


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        results, truth: the files, without secrets.
        images, annotations, detections: how many.
        left_out: boxes whose label COCO has no place for: not in the list of classes, or none.
        other_records: records with an expression, or answered by points.
    """

    results: str
    truth: str
    images: int
    annotations: int
    detections: int
    left_out: int
    other_records: int


def export_coco(
    run: PredictionFiles, output: str, *, score_mode: ScoreMode, overwrite: bool
) -> Exported:
    """Writes predictions as COCO results, and their targets as COCO annotations beside.

    Args:
        run: as `open_predictions` found it.
        output: `NAME.json`; the annotations go to `NAME.truth.json`.
        score_mode: where the scores come from.
        overwrite: whether files that are there are replaced.

    Raises:
        SourceError: predictions cannot be read, or a record occurs more than once.
        GroundrayError: the score mode needs scores that predictions do not have.
        OutputError: the files are there already, or cannot be written.
    """
    stem = output.removesuffix(".json")
    truth = f"{stem}.truth.json"
    for place in (f"{stem}.json", truth):
        fs, path = file_system(place)
        if fs.exists(path) and not overwrite:
            raise OutputError(f"{public_name(place)!r} exists; give another name or --overwrite")
    keys = [record_keys(pairs) for pairs in _iter_run(run)]
    check_distinct(np.concatenate([np.empty(0, np.uint64), *keys]), run.place)
    counts = {"detections": 0, "left_out": 0, "images": 0, "other_records": 0, "annotations": 0}
    with write_errors(public_name(output)):
        _write(f"{stem}.json", [b"[", _joined(_iter_results(run, score_mode, counts)), b"]"])
        categories = [{"id": i, "name": name} for i, name in enumerate(run.classes, start=1)]
        _write(
            truth,
            [
                b'{"images": [',
                _joined(_iter_images(run, counts)),
                b'], "annotations": [',
                _joined(_iter_annotations(run, counts)),
                b'], "categories": ' + orjson.dumps(categories) + b"}",
            ],
        )
    return Exported(public_name(f"{stem}.json"), public_name(truth), **counts)


Counts = dict[str, int]


def _iter_results(run: PredictionFiles, mode: ScoreMode, counts: Counts) -> Iterator[bytes]:
    for pairs in _iter_run(run):
        numbers = image_numbers(pairs)
        class_ = pairs.prediction_class
        used = _is_used(pairs)[pairs.prediction_record]
        listed = (class_ >= 0) & (class_ < len(pairs.classes))
        rows = used & listed
        counts["detections"] += int(rows.sum())
        counts["left_out"] += int((used & ~listed).sum())
        for image, number, xywh, score in zip(
            numbers[pairs.prediction_record[rows]].tolist(),
            (class_[rows] + 1).tolist(),
            xyxy_to_xywh(pairs.prediction_xyxy[rows]).tolist(),
            ranking_scores(pairs, mode)[rows].tolist(),
            strict=True,
        ):
            yield orjson.dumps(
                {"image_id": image, "category_id": number, "bbox": xywh, "score": score}
            )


def _iter_images(run: PredictionFiles, counts: Counts) -> Iterator[bytes]:
    for pairs in _iter_run(run):
        used = _is_used(pairs).tolist()
        counts["images"] += sum(used)
        counts["other_records"] += len(used) - sum(used)
        for use, number, name, (width, height) in zip(
            used, image_numbers(pairs).tolist(), pairs.image, pairs.image_sizes.tolist(),
            strict=True,
        ):  # fmt: skip
            if use:
                yield orjson.dumps(
                    {"id": number, "file_name": name, "width": int(width), "height": int(height)}
                )


def _iter_annotations(run: PredictionFiles, counts: Counts) -> Iterator[bytes]:
    for pairs in _iter_run(run):
        rows = _is_used(pairs)[pairs.target_record]
        for image, number, xywh, area, crowd in zip(
            image_numbers(pairs)[pairs.target_record[rows]].tolist(),
            (pairs.target_class[rows] + 1).tolist(),
            xyxy_to_xywh(pairs.target_xyxy[rows]).tolist(),
            pairs.target_area[rows].tolist(),
            pairs.is_crowd[rows].tolist(),
            strict=True,
        ):
            counts["annotations"] += 1
            yield orjson.dumps(
                {
                    "id": counts["annotations"],
                    "image_id": image,
                    "category_id": number,
                    "bbox": xywh,
                    "area": area,
                    "iscrowd": int(crowd),
                }
            )


def _iter_run(run: PredictionFiles) -> Iterator[Pairs]:
    for file in run.files:
        yield from iter_pairs(file, run.classes)


def _is_used(pairs: Pairs) -> BoolArray:
    used: BoolArray = ~pairs.is_grounding & ~pairs.is_point
    return used


def _joined(items: Iterable[bytes]) -> Iterator[bytes]:
    for i, item in enumerate(items):
        yield b",\n" + item if i else b"\n" + item
    yield b"\n"


def _write(place: str, pieces: Sequence[bytes | Iterator[bytes]]) -> None:
    fs, path = file_system(place)
    fs.makedirs(path.rpartition("/")[0] or ".", exist_ok=True)
    with fs.open(path, "wb") as file:
        for piece in pieces:
            for data in [piece] if isinstance(piece, bytes) else piece:
                file.write(data)
