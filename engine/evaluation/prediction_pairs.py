"""Lines of predictions jsonl as columns."""

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from groundray.engine.records import FloatArray, IntArray, offsets_of
from groundray.engine.scoring.pairs import INVENTED, UNLABELLED, Answers, Pairs, areas_of
from groundray.formats.errors import SourceError

_FARTHEST = 1e9
_NO_WIRE = (math.nan,) * 4


class PairsBuilder:
    """Gathers lines into columns.

    Args:
        classes: names in order of class numbers.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._classes = tuple(classes)
        self._numbers = {name: number for number, name in enumerate(classes)}
        self._invented: dict[str, int] = {}
        self._head: list[tuple[Any, ...]] = []
        self._num_targets, self._num_predictions = array("q"), array("q")
        self._target_xyxy, self._target_class = array("d"), array("q")
        self._area, self._crowd = array("d"), array("b")
        self._xyxy, self._class, self._score = array("d"), array("q"), array("d")
        self._wire = array("d")

    def add(self, line: Mapping[str, Any]) -> None:
        """Adds a record.

        Raises:
            KeyError, TypeError, ValueError, IndexError: the line is no prediction.
            SourceError: a target's category is not in the list of classes, or its box is not whole.
        """
        grounding = line["query"] is not None
        expression = self._add_targets(line, grounding=grounding)
        self._add_predictions(line["predictions"], expression)
        self._head.append(
            (
                str(line["id"]),
                str(line["image"] or line["id"]),
                (float(line["width"]), float(line["height"])),
                grounding,
                line.get("geometry") == "point",
                tuple(line.get("issues") or ()),
                line.get("error"),
                line.get("finish") == "length",
                -1 if line.get("num_tokens") is None else int(line["num_tokens"]),
            )
        )

    def build(self) -> Pairs:
        """All that was added."""
        empty: tuple[tuple[Any, ...], ...] = ((),) * 9
        ids, images, sizes, grounding, point, issues, errors, cut, tokens = (
            zip(*self._head, strict=True) if self._head else empty
        )
        target_xyxy = sound_boxes(_boxes(self._target_xyxy))
        area = np.array(self._area)
        return Pairs(
            id=ids,
            image=images,
            image_sizes=np.array(sizes, dtype=np.float64).reshape(-1, 2),
            is_grounding=np.array(grounding, dtype=np.bool_),
            is_point=np.array(point, dtype=np.bool_),
            classes=self._classes,
            target_offsets=_offsets(self._num_targets),
            target_xyxy=target_xyxy,
            target_class=np.array(self._target_class, dtype=np.int64),
            target_area=np.where(np.isnan(area), areas_of(target_xyxy), area),
            is_crowd=np.array(self._crowd, dtype=np.bool_),
            prediction_offsets=_offsets(self._num_predictions),
            prediction_xyxy=sound_boxes(_boxes(self._xyxy)),
            prediction_class=np.array(self._class, dtype=np.int64),
            prediction_score=np.array(self._score),
            wire=np.clip(_boxes(self._wire), -_FARTHEST, _FARTHEST),
            invented=tuple(self._invented),
            answers=Answers(issues, errors, np.array(cut, np.bool_), np.array(tokens, np.int64)),
        )

    def _add_targets(self, line: Mapping[str, Any], *, grounding: bool) -> int | None:
        """Adds the targets; returns the class of the expression, None for detection."""
        targets = line["targets"]
        other = len(self._classes)
        first = targets[0]["category"] if targets else ""
        expression = self._numbers.get(first, other) if grounding else None
        for target in targets:
            number = expression
            if number is None:
                number = self._numbers.get(target["category"])
                if number is None:
                    raise SourceError(
                        f"target category {target['category']!r} is not in the list of "
                        f"{other} classes"
                    )
            area = target.get("area")
            self._target_class.append(number)
            if None in target["xyxy"]:
                raise SourceError(
                    f"target {target['category']!r} has no number for a coordinate: "
                    f"{target['xyxy']}; what is true must be known"
                )
            self._target_xyxy.extend(_four(target["xyxy"]))
            self._area.append(math.nan if area is None else area)
            self._crowd.append(bool(target.get("iscrowd")))
        self._num_targets.append(len(targets))
        return expression

    def _add_predictions(
        self, predictions: Sequence[Mapping[str, Any]], expression: int | None
    ) -> None:
        for prediction in predictions:
            number = expression
            if number is None:
                number = self._number_of(prediction["category"])
            score, wire = prediction.get("score"), prediction.get("wire")
            self._class.append(number)
            self._xyxy.extend(_four(prediction["xyxy"]))
            self._score.append(math.nan if score is None else score)
            self._wire.extend(wire if wire is not None and len(wire) == 4 else _NO_WIRE)
        self._num_predictions.append(len(predictions))

    def _number_of(self, category: str | None) -> int:
        if category is None:
            return UNLABELLED
        number = self._numbers.get(category)
        if number is None:
            return INVENTED - self._invented.setdefault(category, len(self._invented))
        return number


def build_pairs(lines: Iterable[bytes], classes: Sequence[str], *, place: str, first: int) -> Pairs:
    """Columns of lines.

    Args:
        lines: of a jsonl file; empty ones are passed over.
        classes: names in order of class numbers.
        place: file that the lines are of, for messages.
        first: number of the first line.

    Raises:
        SourceError: a line is not a prediction.
    """
    builder = PairsBuilder(classes)
    for number, line in enumerate(lines, start=first):
        if not line.strip():
            continue
        try:
            builder.add(orjson.loads(line))
        except SourceError as error:
            raise SourceError(f"{place}, line {number}: {error}") from error
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise SourceError(f"{place}, line {number}: not a prediction: {error!r}") from error
    return builder.build()


def sound_boxes(xyxy: FloatArray) -> FloatArray:
    """Boxes with those that are not finite at 0, without area: they match nothing and count.

    Coordinates beyond a billion pixels are cut there, so that areas stay finite.
    """
    finite = np.isfinite(xyxy).all(axis=1, keepdims=True)
    return np.clip(np.where(finite, xyxy, 0.0), -_FARTHEST, _FARTHEST)


def _four(values: Sequence[float | None]) -> Iterable[float]:
    if len(values) != 4:
        raise ValueError(f"a box of {len(values)} numbers")
    return [math.nan if value is None else value for value in values] if None in values else values  # type: ignore[return-value]


def _boxes(values: "array[float]") -> FloatArray:
    return np.array(values, dtype=np.float64).reshape(-1, 4)


def _offsets(counts: "array[int]") -> IntArray:
    return offsets_of(np.array(counts, dtype=np.int64))
