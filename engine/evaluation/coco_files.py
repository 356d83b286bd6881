"""COCO's JSON files: the results of any detector beside the truth, as columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from groundray.engine.boxes import xywh_to_xyxy
from groundray.engine.evaluation.prediction_pairs import sound_boxes
from groundray.engine.records import BoolArray, FloatArray, IntArray, offsets_of
from groundray.engine.scoring.pairs import INVENTED, Pairs
from groundray.engine.sources import file_system
from groundray.formats.errors import SourceError
from groundray.models.urls import describe, public_name

_IMAGES_AT_ONCE = 2_000
_NOT_COCO = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


@dataclass(frozen=True, slots=True)
class CocoTruth:
    """The annotations of a COCO file, in the order of images' ids.

    Attributes:
        classes: names in the order of category ids.
        categories: category id -> class number.
        images: image id -> place among the images.
        ids, names: of the images; a name is the file's, or else the id.
        image_sizes: `(N, 2)` width, height; 0 where the file does not say.
        offsets, xywh, area, class_, is_crowd: of the annotations, image by image.
    """

    classes: tuple[str, ...]
    categories: dict[int, int]
    images: dict[Any, int]
    ids: list[str]
    names: list[str]
    image_sizes: FloatArray
    offsets: IntArray
    xywh: FloatArray
    area: FloatArray
    class_: IntArray
    is_crowd: BoolArray


def read_truth(place: str) -> CocoTruth:
    """Reads annotations; whatever ids they have, they are numbered anew.

    Raises:
        SourceError: the file cannot be read, or is no COCO file.
    """
    fields = _read(place)
    try:
        return _truth(fields)
    except _NOT_COCO as error:
        message = f"{public_name(place)}: not a COCO file of annotations: {error!r}"
        raise SourceError(message) from error


def read_detections(place: str, truth: CocoTruth) -> Iterator[Pairs]:
    """A detector's results beside the truth, some images at a time.

    Raises:
        SourceError: the file cannot be read, is no list of results, or is about other images.
    """
    results = _read(place)
    try:
        yield from _iter_pairs(results, truth)
    except _NOT_COCO as error:
        message = f"{public_name(place)}: not a COCO file of results: {error!r}"
        raise SourceError(message) from error


def _read(place: str) -> Any:
    fs, path = file_system(place)
    try:
        return orjson.loads(fs.cat_file(path))
    except OSError as error:
        raise SourceError(f"{public_name(place)}: {error.strerror or describe(error)}") from error
    except ValueError as error:
        raise SourceError(f"{public_name(place)}: not JSON: {error}") from error


def _truth(fields: Any) -> CocoTruth:
    categories = sorted(fields["categories"], key=lambda each: int(each["id"]))
    numbers = {category["id"]: i for i, category in enumerate(categories)}
    images = sorted(fields["images"], key=lambda each: each["id"])
    places = {image["id"]: i for i, image in enumerate(images)}
    annotations = fields["annotations"]
    of_image = _array([places[each["image_id"]] for each in annotations], np.int64)
    order = np.argsort(of_image, kind="stable")
    xywh = _boxes(annotations)[order]
    area = [each.get("area") for each in annotations]
    known = _array([np.nan if each is None else each for each in area], np.float64)[order]
    return CocoTruth(
        classes=tuple(str(category["name"]) for category in categories),
        categories=numbers,
        images=places,
        ids=[str(image["id"]) for image in images],
        names=[str(image.get("file_name") or image["id"]) for image in images],
        image_sizes=_array(
            [(image.get("width") or 0, image.get("height") or 0) for image in images], np.float64
        ).reshape(-1, 2),
        offsets=offsets_of(np.bincount(of_image, minlength=len(images))),
        xywh=xywh,
        area=np.where(np.isnan(known), xywh[:, 2] * xywh[:, 3], known),
        class_=_array([numbers[each["category_id"]] for each in annotations], np.int64)[order],
        is_crowd=_array([bool(each.get("iscrowd")) for each in annotations], np.bool_)[order],
    )


def _iter_pairs(results: Any, truth: CocoTruth) -> Iterator[Pairs]:
    unknown = next((r["image_id"] for r in results if r["image_id"] not in truth.images), None)
    if unknown is not None:
        raise SourceError(f"results are about image_id {unknown!r}, which annotations do not have")
    of_image = _array([truth.images[each["image_id"]] for each in results], np.int64)
    order = np.argsort(of_image, kind="stable")
    invented: dict[str, int] = {}
    class_ = _array([_class_of(each, truth, invented) for each in results], np.int64)[order]
    xywh = _boxes(results)[order]
    score = _array([each["score"] for each in results], np.float64)[order]
    ends = np.searchsorted(of_image[order], np.arange(len(truth.ids) + 1))
    for first in range(0, len(truth.ids), _IMAGES_AT_ONCE):
        last = min(first + _IMAGES_AT_ONCE, len(truth.ids))
        targets = slice(int(truth.offsets[first]), int(truth.offsets[last]))
        rows = slice(int(ends[first]), int(ends[last]))
        yield Pairs(
            id=truth.ids[first:last],
            image=truth.names[first:last],
            image_sizes=truth.image_sizes[first:last],
            is_grounding=np.zeros(last - first, dtype=np.bool_),
            is_point=np.zeros(last - first, dtype=np.bool_),
            classes=truth.classes,
            target_offsets=truth.offsets[first : last + 1] - truth.offsets[first],
            target_xyxy=xywh_to_xyxy(truth.xywh[targets]),
            target_class=truth.class_[targets],
            target_area=truth.area[targets],
            is_crowd=truth.is_crowd[targets],
            prediction_offsets=ends[first : last + 1] - ends[first],
            prediction_xyxy=xywh_to_xyxy(xywh[rows]),
            prediction_class=class_[rows],
            prediction_score=score[rows],
            wire=np.full((rows.stop - rows.start, 4), np.nan),
            invented=tuple(invented),
        )


def _class_of(result: dict[str, Any], truth: CocoTruth, invented: dict[str, int]) -> int:
    number = truth.categories.get(result["category_id"])
    if number is None:
        name = f"category_id {result['category_id']}"
        return INVENTED - invented.setdefault(name, len(invented))
    return number


def _boxes(annotations: Sequence[dict[str, Any]]) -> FloatArray:
    """`(N, 4)` xywh; a box that is not finite, or beyond a billion pixels, is cut or at 0."""
    return sound_boxes(_array([each["bbox"] for each in annotations], np.float64).reshape(-1, 4))


def _array(values: Sequence[Any], dtype: Any) -> "np.ndarray[Any, Any]":
    return np.array(values, dtype=dtype)
