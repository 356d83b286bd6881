"""Draft: a layout while it is being settled; what is None is not settled yet."""

from dataclasses import dataclass, field

from groundray.engine.boxes import Space
from groundray.engine.sources.layout import Order, Path
from groundray.formats.tasks import Task


@dataclass(slots=True, kw_only=True)
class Draft:
    """The fields of `Layout`, with None for what was neither declared nor found.

    Attributes:
        reasons: what was found where, a line a piece.
    """

    task: Task | None = None
    image: Path | None = None
    image_name: Path | None = None
    id: Path | None = None
    width: Path | None = None
    height: Path | None = None
    boxes: tuple[Path, ...] | None = None
    order: Order | None = None
    order_column: Path | None = None
    space: Space | None = None
    category: Path | None = None
    names: tuple[str, ...] | None = None
    id_offset: int | None = None
    id_table: str | None = None
    area: Path | None = None
    iscrowd: Path | None = None
    difficult: Path | None = None
    expression: Path | None = None
    expression_id: Path | None = None
    grouped: bool | None = None
    reasons: list[str] = field(default_factory=list)

    def paths(self) -> list[Path]:
        """All fields of the data that the layout reads."""
        named = (
            self.image_name,
            self.id,
            self.width,
            self.height,
            self.order_column,
            self.category,
        )
        more = (self.area, self.iscrowd, self.difficult, self.expression, self.expression_id)
        boxes = self.boxes or ()
        return [path for path in (self.image, *boxes, *named, *more) if path is not None]
