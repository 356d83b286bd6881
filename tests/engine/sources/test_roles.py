"""Which column is what, in schemas of data sets as they are on the Hub."""

from typing import Any

import pyarrow as pa
import pytest

from groundray.engine.sources.draft import Draft
from groundray.engine.sources.layout import format_path
from groundray.engine.sources.roles import find_roles
from tests.engine.sources.makers import IMAGE

NUMBERS = pa.list_(pa.list_(pa.float64()))
INTS, FLOATS, TEXTS = pa.list_(pa.int64()), pa.list_(pa.float64()), pa.list_(pa.string())


def struct(**fields: pa.DataType) -> pa.DataType:
    return pa.struct(list(fields.items()))


SCHEMAS: dict[str, tuple[dict[str, pa.DataType], dict[str, Any]]] = {
    "detection-datasets/coco": (
        {
            "image_id": pa.int64(),
            "image": IMAGE,
            "width": pa.int64(),
            "height": pa.int64(),
            "objects": struct(bbox_id=INTS, category=INTS, bbox=NUMBERS, area=FLOATS),
        },
        {
            "image": "image",
            "id": "image_id",
            "width": "width",
            "boxes": "objects.bbox",
            "category": "objects.category",
            "area": "objects.area",
            "grouped": False,
        },
    ),
    "testdummyvt/coco_2017": (
        {"image": IMAGE, "objects": struct(bbox=NUMBERS, labels=TEXTS)},
        {"boxes": "objects.bbox", "category": "objects.labels", "id": None},
    ),
    "BrandonLSX/coco-2017": (
        {
            "image": IMAGE,
            "annotations": struct(
                id=INTS,
                category_id=INTS,
                category_name=TEXTS,
                bbox=NUMBERS,
                area=FLOATS,
                iscrowd=INTS,
            ),
        },
        {
            "boxes": "annotations.bbox",
            "category": "annotations.category_name",
            "iscrowd": "annotations.iscrowd",
        },
    ),
    "whyen-wang/coco_detection": (
        {"image": IMAGE, "bboxes": NUMBERS, "categories": INTS, "inst.rles": struct(size=INTS)},
        {"boxes": "bboxes", "category": "categories"},
    ),
    "ClownRat/COCO2017": (
        {
            "image": pa.string(),
            "objects": struct(
                bboxes=NUMBERS,
                classes=INTS,
                areas=FLOATS,
                iscrowds=INTS,
                ids=INTS,
                masks=pa.list_(struct(counts=pa.binary(), size=INTS)),
            ),
        },
        {
            "image": "image",
            "image_name": "image",
            "boxes": "objects.bboxes",
            "category": "objects.classes",
            "area": "objects.areas",
            "iscrowd": "objects.iscrowds",
        },
    ),
    "docling-project/DocLayNet-v1.2": (
        {
            "image": IMAGE,
            "bboxes": NUMBERS,
            "category_id": INTS,
            "segmentation": pa.list_(NUMBERS),
            "area": FLOATS,
            "pdf": pa.binary(),
            "metadata": struct(coco_width=pa.int64(), coco_height=pa.int64(), page=pa.int64()),
        },
        {
            "image": "image",
            "boxes": "bboxes",
            "category": "category_id",
            "width": "metadata.coco_width",
            "height": "metadata.coco_height",
            "area": "area",
        },
    ),
    "ucsahin/pubtables-detection-1500-samples": (
        {"image": IMAGE, "objects": struct(bbox=NUMBERS, categories=pa.string())},
        {"boxes": "objects.bbox", "category": "objects.categories", "grouped": False},
    ),
    "vikhyatk/openimages-bbox": (
        {
            "image_id": pa.string(),
            "image": IMAGE,
            "objects": pa.list_(
                struct(
                    label=pa.string(),
                    xmin=pa.float32(),
                    xmax=pa.float32(),
                    ymin=pa.float32(),
                    ymax=pa.float32(),
                    confidence=pa.float32(),
                    is_group_of=pa.bool_(),
                )
            ),
        },
        {
            "boxes": "objects.xmin objects.ymin objects.xmax objects.ymax",
            "order": "xyxy",
            "category": "objects.label",
            "iscrowd": "objects.is_group_of",
        },
    ),
    "jxu124/objects365": (
        {
            "image_path": pa.string(),
            "image_info": struct(
                file_name=pa.string(), height=pa.int64(), id=pa.int64(), width=pa.int64()
            ),
            "anns_info": pa.list_(
                struct(
                    bbox=FLOATS,
                    category=pa.string(),
                    category_id=pa.int64(),
                    iscrowd=pa.int64(),
                    area=pa.float64(),
                )
            ),
            "format": pa.string(),
        },
        {
            "image": "image_path",
            "boxes": "anns_info.bbox",
            "category": "anns_info.category",
            "width": "image_info.width",
            "height": "image_info.height",
            "order_column": "format",
            "iscrowd": "anns_info.iscrowd",
        },
    ),
    "moondream/car_part_damage": (
        {
            "image_id": pa.string(),
            "image": IMAGE,
            "annotations": pa.list_(
                struct(id=pa.int64(), category=pa.string(), bbox=FLOATS, segmentation=NUMBERS)
            ),
        },
        {"id": "image_id", "boxes": "annotations.bbox", "category": "annotations.category"},
    ),
    "hf-internal-testing/tiny-object-detection-aquarium-dataset": (
        {
            "image": IMAGE,
            "bbox": pa.list_(INTS),
            "label": INTS,
            "category": TEXTS,
            "annotations": struct(
                annotations=pa.list_(struct(bbox=INTS, category_id=pa.int64())),
                image_id=pa.int64(),
            ),
        },
        {"boxes": "bbox", "category": "category", "id": "annotations.image_id"},
    ),
    "Wodeyuanbukongda/detr_format": (
        {"image": IMAGE, "bbox": NUMBERS, "area": FLOATS, "label": FLOATS},
        {"boxes": "bbox", "category": "label", "area": "area"},
    ),
    "bastienp/visible-watermark-pita": (
        {"image_id": pa.int64(), "image": IMAGE, "bbox": FLOATS, "category_id": pa.int64()},
        {"boxes": "bbox", "category": "category_id", "id": "image_id", "grouped": True},
    ),
    "winvoker/lvis": (
        {"image": pa.string(), "objects": struct(bboxes=pa.list_(NUMBERS), classes=TEXTS)},
        {"boxes": "objects.bboxes", "category": "objects.classes"},
    ),
    "mvoisin/TinyCOCO": (
        {"image_url": pa.string(), "objects": struct(bbox=NUMBERS, category=TEXTS, id=INTS)},
        {"image": "image_url", "boxes": "objects.bbox"},
    ),
    "raccoon": (
        {
            "img": pa.binary(),
            "img_w": pa.int32(),
            "img_h": pa.int32(),
            "boxes": NUMBERS,
            "class_names": TEXTS,
        },
        {"image": "img", "width": "img_w", "height": "img_h", "id": None, "image_name": None},
    ),
    "lmms-lab/RefCOCO": (
        {
            "question_id": pa.string(),
            "image": IMAGE,
            "question": pa.string(),
            "answer": TEXTS,
            "segmentation": FLOATS,
            "bbox": FLOATS,
            "iscrowd": pa.int8(),
            "file_name": pa.string(),
        },
        {
            "task": "grounding",
            "id": "question_id",
            "expression": "answer",
            "category": None,
            "iscrowd": "iscrowd",
        },
    ),
    "jxu124/refcoco": (
        {
            "sent_ids": INTS,
            "ref_id": pa.int64(),
            "ann_id": pa.int64(),
            "category_id": pa.int64(),
            "image_id": pa.int64(),
            "sentences": pa.list_(
                struct(raw=pa.string(), sent=pa.string(), sent_id=pa.int64(), tokens=TEXTS)
            ),
            "raw_anns": pa.string(),
            "image_path": pa.string(),
            "bbox": FLOATS,
            "captions": TEXTS,
        },
        {
            "task": "grounding",
            "id": "ref_id",
            "expression": "sentences.sent",
            "expression_id": "sentences.sent_id",
            "image": "image_path",
            "category": None,
        },
    ),
    "Limitless063/Ann": (
        {
            "image_path": pa.string(),
            "instances": pa.list_(
                struct(bbox=INTS, category=pa.string(), description=pa.string(), mask=pa.string())
            ),
        },
        {"task": "detection", "boxes": "instances.bbox", "category": "instances.category"},
    ),
    "a struct of four numbers a box": (
        {
            "image": IMAGE,
            "objects": pa.list_(
                struct(
                    bbox=struct(x=pa.float32(), y=pa.float32(), w=pa.float32(), h=pa.float32()),
                    label=pa.string(),
                    area=pa.float32(),
                )
            ),
        },
        {
            "boxes": "objects.bbox.x objects.bbox.y objects.bbox.w objects.bbox.h",
            "order": None,
            "category": "objects.label",
            "area": "objects.area",
        },
    ),
    "boxes in a struct, classes beside it": (
        {"image": IMAGE, "boxes": struct(bbox=NUMBERS), "label": TEXTS, "id": pa.int64()},
        {"boxes": "boxes.bbox", "category": "label"},
    ),
    "one label an image, boxes without": (
        {"image": IMAGE, "sentence": pa.string(), "label": pa.int64(), "o": struct(bbox=NUMBERS)},
        {"category": None, "task": "grounding", "expression": "sentence"},
    ),
    "corners that a name spells": (
        {"image": IMAGE, "bbox_xyxy": NUMBERS, "label": TEXTS},
        {"boxes": "bbox_xyxy", "order": "xyxy"},
    ),
}


def found(columns: dict[str, pa.DataType]) -> Draft:
    draft = Draft()
    find_roles(draft, pa.schema(list(columns.items())), {}, is_empty=lambda _: False)
    return draft


@pytest.mark.parametrize("name", SCHEMAS)
def test_columns_are_found(name: str) -> None:
    columns, expected = SCHEMAS[name]
    draft = found(columns)
    for role, value in expected.items():
        got = getattr(draft, role)
        if role == "boxes":
            got = " ".join(map(format_path, got))
        elif isinstance(got, tuple):
            got = format_path(got)
        if role == "image_name" and value is None:
            assert got in {None, "image.path"}
        else:
            assert got == value, role


def test_boxes_that_stand_twice_are_said_to() -> None:
    draft = found(SCHEMAS["hf-internal-testing/tiny-object-detection-aquarium-dataset"][0])
    assert "boxes: bbox (not annotations.annotations.bbox)" in draft.reasons


def test_numbers_with_names_go_before_text() -> None:
    columns = SCHEMAS["BrandonLSX/coco-2017"][0]
    draft = Draft()
    names: dict[tuple[str, ...], tuple[str, ...]] = {("annotations", "category_id"): ("a", "b")}
    find_roles(draft, pa.schema(list(columns.items())), names, is_empty=lambda _: False)
    assert draft.category == ("annotations", "category_id")


def test_a_file_name_stands_in_for_an_image_path_that_is_never_there() -> None:
    columns = {"image": IMAGE, "file_name": pa.string(), "bbox": NUMBERS, "label": TEXTS}
    draft = Draft()
    schema = pa.schema(list(columns.items()))
    find_roles(draft, schema, {}, is_empty=lambda path: path == ("image", "path"))
    assert draft.image_name == ("file_name",)


def test_what_is_declared_is_kept_and_says_where_the_rest_is() -> None:
    columns, _ = SCHEMAS["hf-internal-testing/tiny-object-detection-aquarium-dataset"]
    draft = Draft(boxes=(("annotations", "annotations", "bbox"),))
    find_roles(draft, pa.schema(list(columns.items())), {}, is_empty=lambda _: False)
    assert draft.category == ("annotations", "annotations", "category_id")
