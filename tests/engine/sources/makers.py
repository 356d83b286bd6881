"""Data sets in every layout that the docs name, made from the sample that ships.

A maker turns the same 16 images into a table of its layout; whatever the layout, reading it must
give the sample's boxes again.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SAMPLE = Path(__file__).parents[2] / "data/coco_small_ccby"
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
BOX32, BOX64 = pa.list_(pa.float32(), 4), pa.list_(pa.float64(), 4)


@dataclass(frozen=True)
class Picture:
    """One image of the sample and its boxes, `xyxy` in pixels."""

    id: int
    data: bytes
    width: int
    height: int
    xyxy: list[list[float]]
    categories: list[int]

    @property
    def names(self) -> list[str]:
        return [class_names()[category] for category in self.categories]

    @property
    def struct(self) -> dict[str, Any]:
        """The image as Hugging Face stores it."""
        return {"bytes": self.data, "path": None}

    def xywh(self) -> list[list[float]]:
        return [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in self.xyxy]

    def cxcywh_unit(self) -> list[list[float]]:
        w, h = self.width, self.height
        return [
            [(x1 + x2) / 2 / w, (y1 + y2) / 2 / h, (x2 - x1) / w, (y2 - y1) / h]
            for x1, y1, x2, y2 in self.xyxy
        ]


@dataclass(frozen=True)
class Made:
    """A table, and what the footer's key `huggingface` says of it, if anything."""

    table: pa.Table
    features: dict[str, Any] | None = None
    classes: tuple[str, ...] | None = None  # what --classes would have to say
    tolerance: float = 1e-9  # pixels: what the layout's own number type costs
    declared: str | None = None  # TOML, for what 16 images cannot settle


@cache
def pictures() -> list[Picture]:
    """The sample, read without our own code, from COCO's own json where that has it."""
    truth: dict[int, list[dict[str, Any]]] = {}
    for name in ("instances_train.json", "instances_val.json"):
        for annotation in json.loads((SAMPLE / name).read_text())["annotations"]:
            truth.setdefault(annotation["image_id"], []).append(annotation)
    made = []
    for path in sorted((SAMPLE / "data").glob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            boxes = [annotation["bbox"] for annotation in truth[row["image_id"]]]
            xyxy = [[x, y, x + w, y + h] for x, y, w, h in boxes]
            categories = row["objects"]["category"]
            data = row["image"]["bytes"]
            made.append(
                Picture(row["image_id"], data, row["width"], row["height"], xyxy, categories)
            )
    return made


@cache
def class_names() -> list[str]:
    infos = json.loads((SAMPLE / "dataset_infos.json").read_text())
    features = next(iter(infos.values()))["features"]
    names: list[str] = features["objects"]["feature"]["category"]["names"]
    return names


def table_of(schema: Sequence[tuple[str, pa.DataType]], rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=pa.schema(list(schema)))


def write(
    table: pa.Table, path: Path, *, features: Any = None, row_group_size: int = 5, **options: Any
) -> Path:
    """Writes a table, with features in its footer as `datasets` would put them there.

    `options` are those of pyarrow's writer.
    """
    if features is not None:
        key = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": key})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=row_group_size, **options)
    return path


def label(spelling: str = "new") -> dict[str, Any]:
    """A ClassLabel with the sample's names."""
    if spelling == "old":
        return {"num_classes": 80, "names": class_names(), "id": None, "_type": "ClassLabel"}
    return {"names": class_names(), "_type": "ClassLabel"}


def coco_legacy() -> Made:
    """detection-datasets/coco; names are only in dataset_infos.json, which the test puts there."""
    return Made(_coco_table())


def coco_modern() -> Made:
    features = {"objects": {"feature": {"category": label()}, "_type": "Sequence"}}
    return Made(_coco_table(), features)


def coco_old_footer() -> Made:
    sequence = {"feature": {"category": label("old")}, "length": -1, "id": None}
    return Made(_coco_table(), {"objects": {**sequence, "_type": "Sequence"}})


def coco_list_footer() -> Made:
    features = {"objects": {"category": {"feature": label(), "_type": "List"}}}
    return Made(_coco_table(), features)


def _coco_table() -> pa.Table:
    objects = pa.struct(
        [
            ("bbox_id", pa.list_(pa.int64())),
            ("category", pa.list_(pa.int64())),
            ("bbox", pa.list_(BOX64)),
            ("area", pa.list_(pa.float64())),
        ]
    )
    schema = [
        ("image_id", pa.int64()),
        ("image", IMAGE),
        ("width", pa.int64()),
        ("height", pa.int64()),
        ("objects", objects),
    ]
    rows = [
        {
            "image_id": p.id,
            "image": p.struct,
            "width": p.width,
            "height": p.height,
            "objects": {
                "bbox_id": list(range(len(p.xyxy))),
                "category": p.categories,
                "bbox": p.xyxy,
                "area": [0.6 * w * h for _, _, w, h in p.xywh()],
            },
        }
        for p in pictures()
    ]
    return table_of(schema, rows)


def cppe5() -> Made:
    """xywh float32 in a struct of lists, integer area of the box."""
    objects = pa.struct(
        [
            ("id", pa.list_(pa.int64())),
            ("area", pa.list_(pa.int64())),
            ("bbox", pa.list_(BOX32)),
            ("category", pa.list_(pa.int64())),
        ]
    )
    schema = [
        ("image_id", pa.int64()),
        ("image", IMAGE),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("objects", objects),
    ]
    rows = [
        {
            "image_id": p.id,
            "image": p.struct,
            "width": p.width,
            "height": p.height,
            "objects": {
                "id": list(range(len(p.xyxy))),
                "area": [int(w * h) for _, _, w, h in p.xywh()],
                "bbox": p.xywh(),
                "category": p.categories,
            },
        }
        for p in pictures()
    ]
    features = {"objects": {"feature": {"category": label()}, "_type": "Sequence"}}
    return Made(table_of(schema, rows), features, tolerance=1e-4)


def bccd() -> Made:
    """A list of structs, no sizes, ids from file names."""
    annotation = pa.struct([("id", pa.int64()), ("bbox", BOX64), ("label", pa.int64())])
    schema = [("file_name", pa.string()), ("image", IMAGE), ("annotations", pa.list_(annotation))]
    rows = [
        {
            "file_name": f"{p.id}.jpg",
            "image": p.struct,
            "annotations": [
                {"id": i, "bbox": box, "label": category}
                for i, (box, category) in enumerate(zip(p.xywh(), p.categories, strict=True))
            ],
        }
        for p in pictures()
    ]
    return Made(table_of(schema, rows), {"annotations": [{"label": label()}]})


def voc() -> Made:
    """Names as text and a `difficult` flag, in lists of variable length."""
    objects = pa.struct(
        [
            ("bbox", pa.list_(pa.list_(pa.float64()))),
            ("category", pa.list_(pa.string())),
            ("difficult", pa.list_(pa.bool_())),
        ]
    )
    schema = [
        ("id", pa.string()),
        ("image", IMAGE),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("objects", objects),
    ]
    rows = [
        {
            "id": str(p.id),
            "image": p.struct,
            "width": p.width,
            "height": p.height,
            "objects": {
                "bbox": p.xyxy,
                "category": p.names,
                "difficult": [i % 2 == 0 for i in range(len(p.xyxy))],
            },
        }
        for p in pictures()
    ]
    return Made(table_of(schema, rows))


def raccoon() -> Made:
    """A plain binary image, normalised cxcywh in float32, and nothing to take an id from."""
    schema = [
        ("img", pa.binary()),
        ("img_w", pa.int32()),
        ("img_h", pa.int32()),
        ("boxes", pa.list_(BOX32)),
        ("class_names", pa.list_(pa.string())),
    ]
    rows = [
        {
            "img": p.data,
            "img_w": p.width,
            "img_h": p.height,
            "boxes": p.cxcywh_unit(),
            "class_names": p.names,
        }
        for p in pictures()
    ]
    return Made(table_of(schema, rows), tolerance=1e-3)


def kangaroo() -> Made:
    """Image paths and a flat list of 4n numbers; the test writes the images."""
    schema = [
        ("image_path", pa.string()),
        ("bbox", pa.list_(pa.float64())),
        ("labels", pa.list_(pa.string())),
    ]
    rows = [
        {
            "image_path": f"images/{p.id}.jpg",
            "bbox": [number for box in p.xyxy for number in box],
            "labels": p.names,
        }
        for p in pictures()
    ]
    return Made(table_of(schema, rows))


def four_fields() -> Made:
    """Open Images' form: xmin, xmax, ymin, ymax from 0 to 1, one struct a box."""
    names = ("label", "xmin", "xmax", "ymin", "ymax", "is_group_of")
    types = (pa.string(), *[pa.float64()] * 4, pa.bool_())
    box = pa.struct(list(zip(names, types, strict=True)))
    schema = [("image_id", pa.int64()), ("image", IMAGE), ("bbox", pa.list_(box))]
    rows = []
    for p in pictures():
        boxes = [
            dict(
                zip(
                    names,
                    (name, x1 / p.width, x2 / p.width, y1 / p.height, y2 / p.height, False),
                    strict=True,
                )
            )
            for name, (x1, y1, x2, y2) in zip(p.names, p.xyxy, strict=True)
        ]
        rows.append({"image_id": p.id, "image": p.struct, "bbox": boxes})
    return Made(table_of(schema, rows))


def one_row_per_box() -> Made:
    """A row is a box; rows of one image are adjacent. Every image of the sample has a box."""
    schema = [
        ("image_id", pa.int64()),
        ("image", IMAGE),
        ("bbox", pa.list_(pa.float64())),
        ("category_id", pa.int64()),
    ]
    rows = [
        {"image_id": p.id, "image": p.struct, "bbox": box, "category_id": category}
        for p in pictures()
        for box, category in zip(p.xywh(), p.categories, strict=True)
    ]
    return Made(table_of(schema, rows), classes=tuple(class_names()))


def four_columns_per_box() -> Made:
    """A row is a box, each number a column, in an unusual sequence."""
    numbers = ("xmax", "xmin", "ymax", "ymin")
    schema = [
        ("image_id", pa.int64()),
        ("image", IMAGE),
        *[(name, pa.float32()) for name in numbers],
        ("class", pa.string()),
    ]
    rows = [
        {
            "image_id": p.id,
            "image": p.struct,
            **dict(zip(numbers, (x2, x1, y2, y1), strict=True)),
            "class": name,
        }
        for p in pictures()
        for name, (x1, y1, x2, y2) in zip(p.names, p.xyxy, strict=True)
    ]
    return Made(table_of(schema, rows), tolerance=1e-4)


def float_labels() -> Made:
    """Top-level lists, class numbers as floats, names from --classes."""
    schema = [
        ("image_id", pa.int64()),
        ("image", IMAGE),
        ("bbox", pa.list_(BOX64)),
        ("label", pa.list_(pa.float64())),
    ]
    rows = [
        {"image_id": p.id, "image": p.struct, "bbox": p.xyxy, "label": p.categories}
        for p in pictures()
    ]
    return Made(table_of(schema, rows), classes=tuple(class_names()))


def id_offset() -> Made:
    """Class numbers from 1 to 80."""
    return replace(_numbered(lambda category: category + 1), declared="id_offset = 1")


def coco91() -> Made:
    """COCO's own class ids."""
    gaps = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
    numbers = [number for number in range(1, 91) if number not in gaps]
    return _numbered(lambda category: numbers[category])


def _numbered(number_of: Callable[[int], int]) -> Made:
    objects = pa.struct([("bbox", pa.list_(BOX64)), ("category_id", pa.list_(pa.int64()))])
    schema = [("image_id", pa.int64()), ("image", IMAGE), ("objects", objects)]
    rows = [
        {
            "image_id": p.id,
            "image": p.struct,
            "objects": {
                "bbox": p.xywh(),
                "category_id": [number_of(category) for category in p.categories],
            },
        }
        for p in pictures()
    ]
    return Made(table_of(schema, rows), classes=tuple(class_names()))


def large_types() -> Made:
    """The types that polars and newer writers use: large lists, large text, dictionaries."""
    objects = pa.struct(
        [
            ("bbox", pa.large_list(pa.large_list(pa.float64()))),
            ("category", pa.large_list(pa.large_string())),
        ]
    )
    schema = [
        ("image_id", pa.large_string()),
        ("image", pa.struct([("bytes", pa.large_binary()), ("path", pa.large_string())])),
        ("objects", objects),
    ]
    rows = [
        {
            "image_id": str(p.id),
            "image": p.struct,
            "objects": {"bbox": p.xyxy, "category": p.names},
        }
        for p in pictures()
    ]
    return Made(table_of(schema, rows))


def order_column() -> Made:
    """A column says how each row's boxes are written, and rows differ."""
    schema = [
        ("image_id", pa.int64()),
        ("image", IMAGE),
        ("bbox", pa.list_(BOX64)),
        ("category", pa.list_(pa.string())),
        ("format", pa.string()),
    ]
    rows = [
        {
            "image_id": p.id,
            "image": p.struct,
            "bbox": p.xyxy if i % 2 else p.xywh(),
            "category": p.names,
            "format": "xyxy" if i % 2 else "xywh",
        }
        for i, p in enumerate(pictures())
    ]
    return Made(table_of(schema, rows))


DETECTION: dict[str, Callable[[], Made]] = {
    "detection-datasets/coco, compact footer": coco_modern,
    "detection-datasets/coco, verbose footer": coco_old_footer,
    "detection-datasets/coco, footer with List": coco_list_footer,
    "struct of lists, xywh, ClassLabel": cppe5,
    "list of structs": bccd,
    "text categories with difficult": voc,
    "binary image, normalised cxcywh": raccoon,
    "image paths, flat 4n": kangaroo,
    "four fields in any order, normalised": four_fields,
    "one row per box": one_row_per_box,
    "one row per box, four columns": four_columns_per_box,
    "float labels, top-level lists": float_labels,
    "class numbers from 1": id_offset,
    "COCO's 91 ids": coco91,
    "large lists and text": large_types,
}


def write_images(folder: Path) -> None:
    """The sample's images as files ID.jpg."""
    folder.mkdir(parents=True, exist_ok=True)
    for picture in pictures():
        (folder / f"{picture.id}.jpg").write_bytes(picture.data)
