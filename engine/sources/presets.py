"""Presets: layouts by name, for data sets whose data alone cannot settle it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Preset:
    """Some fields of a layout; those that it leaves out are found from the data.

    Attributes:
        description: which data sets it is for, in one line.
        fields: as a TOML file would have them.
    """

    description: str
    fields: Mapping[str, Any]


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "bccd": Preset(
            "a list of structs, as COCO's json has it: xywh in pixels",
            {"boxes": "annotations.bbox", "order": "xywh", "space": "pixels"},
        ),
        "coco": Preset(
            "detection-datasets/coco: corners in pixels, classes from 0 to 79",
            {
                "image": "image",
                "id": "image_id",
                "width": "width",
                "height": "height",
                "boxes": "objects.bbox",
                "order": "xyxy",
                "space": "pixels",
                "category": "objects.category",
                "area": "objects.area",
                "names": "coco",
                "id_offset": 0,
            },
        ),
        "coco-xywh": Preset(
            "COCO's own convention, wherever the boxes stand: xywh in pixels",
            {"order": "xywh", "space": "pixels"},
        ),
        "coco91": Preset(
            "COCO's own convention and class ids: xywh in pixels, 1 to 90 with ten gaps",
            {"order": "xywh", "space": "pixels", "id_table": "coco91", "names": "coco"},
        ),
        "cppe-5": Preset(
            "cppe-5, keremberke/* and Francesco/*: struct of lists, xywh in pixels",
            {
                "boxes": "objects.bbox",
                "category": "objects.category",
                "order": "xywh",
                "space": "pixels",
            },
        ),
        "groundray": Preset(
            "truth files of a converted folder: corners in pixels, class names",
            {
                "image": "image",
                "id": "id",
                "width": "width",
                "height": "height",
                "boxes": "xyxy",
                "order": "xyxy",
                "space": "pixels",
                "category": "category",
                "area": "area",
                "iscrowd": "iscrowd",
                "expression": "query",
            },
        ),
        "jxu124-refcoco": Preset(
            "jxu124/refcoco, refcocoplus, refcocog: image paths, corners in pixels, sentences",
            {
                "task": "grounding",
                "image": "image_path",
                "id": "ref_id",
                "boxes": "bbox",
                "order": "xyxy",
                "space": "pixels",
                "expression": "sentences.sent",
                "expression_id": "sentences.sent_id",
            },
        ),
        "lmms-refcoco": Preset(
            "lmms-lab/RefCOCO, RefCOCOplus, RefCOCOg: xywh in pixels, expressions in `answer`",
            {
                "task": "grounding",
                "image": "image",
                "id": "question_id",
                "boxes": "bbox",
                "order": "xywh",
                "space": "pixels",
                "expression": "answer",
            },
        ),
        "openimages": Preset(
            "Open Images: four fields a box from 0 to 1",
            {"space": "unit", "order": "xyxy"},
        ),
        "voc": Preset(
            "Pascal VOC's convention, wherever the boxes stand: corners in pixels",
            {"order": "xyxy", "space": "pixels"},
        ),
        "yolo": Preset(
            "YOLO's convention, wherever the boxes stand: centre and size from 0 to 1",
            {"order": "cxcywh", "space": "unit"},
        ),
    }
)
