"""Predictions on their images: what was found is solid, what is true is dashed."""

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL.Image import Image

from groundray.engine.drawing.canvas import Mark, Panel, colour_of
from groundray.engine.records import FloatArray
from groundray.engine.scoring.overlaps import iou_of

_FOUND_IOU = 0.5


def prediction_panel(fields: dict[str, Any], read_image: Callable[[], Image]) -> Panel:
    """A line of predictions as a panel; targets that no prediction covers are called missed.

    Args:
        fields: the line.
        read_image: gives the image of the record.

    Raises:
        KeyError: the line is no prediction.
    """
    targets, predictions = fields["targets"], fields["predictions"]
    marks = [
        Mark(target["xyxy"], label, colour_of(target["category"]), dashed=True)
        for target, label in zip(targets, _labels(targets, predictions), strict=True)
    ]
    for prediction in predictions:
        name = prediction["category"] or ""
        score = prediction.get("score")
        label = name if score is None else f"{name} {score:.2f}"
        marks.append(Mark(prediction["xyxy"], label, colour_of(name)))
    facts = [str(fields["id"]), f"{len(targets)} targets, {len(predictions)} found"]
    facts += [fields["error"]] if fields["error"] else fields["issues"]
    said = " ".join(str(fields["text"]).split())
    text = f"{fields['query']}  ·  {said}" if fields["query"] else said
    return Panel(read_image(), marks, "  ·  ".join(facts), text)


def _labels(targets: list[dict[str, Any]], predictions: list[dict[str, Any]]) -> list[str]:
    """What is written beside each target: nothing where a prediction of its class is on it."""
    found = _boxes(predictions)
    labels = []
    for target, xyxy in zip(targets, _boxes(targets), strict=True):
        same = [p["category"] in (target["category"], None) for p in predictions]
        near = found[np.array(same, dtype=np.bool_)]
        here = np.broadcast_to(xyxy, near.shape)
        iou = iou_of(near, here, crowd_b=np.full(len(near), target["iscrowd"], dtype=np.bool_))
        labels.append("" if (iou >= _FOUND_IOU).any() else f"missed {target['category']}")
    return labels


def _boxes(objects: list[dict[str, Any]]) -> FloatArray:
    return np.array([each["xyxy"] for each in objects], dtype=np.float64).reshape(-1, 4)
