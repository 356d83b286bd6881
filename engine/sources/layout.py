"""Layout: what the columns of a source mean."""

from dataclasses import dataclass
from typing import Literal

from groundray.engine.boxes import Space
from groundray.formats.tasks import Task

Path = tuple[str, ...]
"""Field names from a column down, through structs and lists of structs: `("objects", "bbox")`."""

Order = Literal["xyxy", "xywh", "cxcywh"]

ORDERS: tuple[Order, ...] = ("xyxy", "xywh", "cxcywh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where each thing stands, and how boxes and categories are to be read; None means "not there".

    Attributes:
        task: what the annotations are for.
        image: encoded bytes, `struct<bytes, path>`, or a path or URL.
        image_name: text whose file stem is the id where there is no `id` column.
        id: integer or text that names the image; for grounding, what names the row.
        width, height: size of the stored image, pixels.
        boxes: one path, to a list of boxes, a flat list of 4n numbers or one box a row; or four
            paths to the numbers one by one, in the sequence that `order` spells.
        order: how the four numbers are to be read.
        order_column: text that says `order` row by row; then `order` is only its usual value.
        space: what the numbers count.
        category: class number or name, one a box, or one for all boxes of a row.
        names: class names by id, or None where categories are names found in the data.
        id_offset: number of the first class.
        id_table: `coco91` where class numbers are COCO's own, 1 to 90 with ten gaps.
        area, iscrowd, difficult: one a box.
        expression: referring expressions, one or a list a row.
        expression_id: what tells the expressions of a row apart, one an expression.
        grouped: a row is one box, and adjacent rows of one id are one record.
    """

    task: Task = "detection"
    image: Path
    image_name: Path | None = None
    id: Path | None = None
    width: Path | None = None
    height: Path | None = None
    boxes: tuple[Path] | tuple[Path, Path, Path, Path]
    order: Order
    order_column: Path | None = None
    space: Space
    category: Path | None = None
    names: tuple[str, ...] | None = None
    id_offset: int = 0
    id_table: Literal["coco91"] | None = None
    area: Path | None = None
    iscrowd: Path | None = None
    difficult: Path | None = None
    expression: Path | None = None
    expression_id: Path | None = None
    grouped: bool = False


def format_path(path: Path) -> str:
    """A path as it is typed: dotted, with quotes around a name that holds a dot itself."""
    return ".".join(f'"{name}"' if "." in name else name for name in path)
