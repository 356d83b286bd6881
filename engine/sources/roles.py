"""Roles: which column is what, by names and types."""

from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa
import pyarrow.types as pt

from groundray.engine.sources import column_names
from groundray.engine.sources.draft import Draft
from groundray.engine.sources.features import ClassNames
from groundray.engine.sources.layout import ORDERS, Order, Path, format_path
from groundray.engine.sources.schema import (
    Field,
    describe_columns,
    describe_type,
    find,
    innermost,
    plain_name,
    walk,
)
from groundray.formats.errors import LayoutError, did_you_mean


def find_roles(
    draft: Draft,
    schema: pa.Schema,
    class_names: ClassNames,
    *,
    is_empty: Callable[[Path], bool],
) -> None:
    """Fills in the columns that a draft does not name yet.

    Args:
        draft: what was declared; changed in place.
        schema: columns of the data set.
        class_names: names of classes by the path of their numbers.
        is_empty: tells whether a field is known to be null in every row.

    Raises:
        LayoutError: there is no image, no box or nothing that says what the boxes are.
    """
    fields = list(walk(schema))
    _check_declared(draft, fields)
    _find_image(draft, fields, schema, is_empty)
    boxes = _find_boxes(draft, fields, schema)
    category = _find_category(draft, fields, boxes, class_names)
    _find_expression(draft, fields, boxes, category)
    _settle_task(draft, category, schema)
    home = boxes.container if category is None else category.container
    _find_flags(draft, [field for field in fields if field.container == home])
    if draft.grouped is None:
        is_scalar = draft.category is not None and category is not None and category.lists == 0
        draft.grouped = is_scalar and boxes.lists <= 1
    _find_size(draft, fields, draft.boxes or ())
    _find_id(draft, fields, boxes)


def _find_image(
    draft: Draft, fields: Sequence[Field], schema: pa.Schema, is_empty: Callable[[Path], bool]
) -> None:
    columns = [field for field in fields if field.lists == 0]
    top = [field for field in columns if not field.container]
    if draft.image is None:
        structs = [
            f for f in columns if f.path[-1] == "bytes" and pt.is_binary(f.type) and f.container
        ]
        named = sorted(
            structs, key=lambda f: plain_name(f.container[-1]) not in column_names.IMAGES
        )
        binary = _pick((f for f in top if pt.is_binary(f.type)), column_names.IMAGES)
        text = _pick((f for f in top if f.is_text), column_names.IMAGE_FILES)
        if named:
            draft.image = named[0].container
        elif binary or text:
            draft.image = (binary or text or top[0]).path
        else:
            raise LayoutError(
                f"no image among the columns: {describe_columns(schema)}; looked for "
                f"struct<bytes, path>, bytes or a path; name it with --layout FILE.toml and a line "
                f'such as image = "COLUMN"'
            )
        draft.reasons.append(f"image: {format_path(draft.image)}")
    if draft.image_name is None:
        own = [f for f in columns if f.path in (draft.image, (*draft.image, "path"))]
        named = [f for f in top if f.key in column_names.NAMES_OF_IMAGES]
        usable = (f.path for f in (*own, *named) if f.is_text and not is_empty(f.path))
        draft.image_name = next(usable, None)


def _find_boxes(draft: Draft, fields: Sequence[Field], schema: pa.Schema) -> Field:
    """Settles where the boxes are; returns the field, or the first of four."""
    if draft.boxes is not None:
        return _required(fields, draft.boxes[0])
    found = [*_single_fields(fields), *_four_fields(fields)]
    if not found:
        raise LayoutError(
            f"no boxes among the columns: {describe_columns(schema)}; looked for a list of numbers "
            f"named bbox or the like, or for xmin, ymin, xmax, ymax; if there are boxes, name them "
            f'with --layout FILE.toml and a line such as boxes = "COLUMN.FIELD"'
        )
    best, order = min(found, key=lambda each: _box_rank(each[0], fields))
    draft.boxes = tuple(field.path for field in best)
    draft.order = draft.order or order
    text = ", ".join(map(format_path, draft.boxes))
    others = [format_path(each[0].path) for each, _ in found if each is not best]
    also = f" (not {', '.join(others)})" if others else ""
    said = f", whose names say {order}" if order else ""
    draft.reasons.append(f"boxes: {text}{also}{said}")
    return best[0]


def _single_fields(fields: Sequence[Field]) -> Iterable[tuple[list[Field], Order | None]]:
    for field in fields:
        order = next((order for order in ORDERS if order in field.key), None)
        key = field.key.replace(order or " ", "")
        if (
            (key in column_names.BOXES or (order and not key))
            and field.is_number
            and 1 <= field.lists <= 3
        ):
            yield [field], order


def _four_fields(fields: Sequence[Field]) -> Iterable[tuple[list[Field], Order | None]]:
    for container in dict.fromkeys(field.container for field in fields):
        by_key = {
            f.key: f for f in fields if f.container == container and f.is_number and f.lists < 2
        }
        for keys, order in column_names.FOUR_FIELDS:
            if all(key in by_key for key in keys):
                yield [by_key[key] for key in keys], order
                break


def _box_rank(four: list[Field], fields: Sequence[Field]) -> tuple[bool, int, int]:
    """Boxes beside a category come first, then those nearest to the top, then single lists."""
    container = four[0].container
    has_category = any(
        f.container == container and f.key in column_names.CATEGORIES for f in fields
    )
    return not has_category, len(container), len(four)


def _find_category(
    draft: Draft, fields: Sequence[Field], boxes: Field, class_names: ClassNames
) -> Field | None:
    """The category beside the boxes, or beside what holds them; at the top only lists count."""
    if draft.category is not None:
        return _required(fields, draft.category)
    usable = [f for f in fields if f.key in column_names.CATEGORIES and (f.is_text or f.is_number)]
    most = min(boxes.lists, 1)
    for depth in range(len(boxes.container), -1, -1):
        container = boxes.container[:depth]
        least = 0 if container == boxes.container or container else 1
        beside = [f for f in usable if f.container == container and least <= f.lists <= most]
        if beside:
            return min(beside, key=lambda f: _category_rank(f, class_names))
    return None


def _category_rank(field: Field, class_names: ClassNames) -> tuple[bool, bool, bool, int]:
    """A class a box before one for all; numbers with names before text before bare numbers."""
    has_names = field.path in class_names
    return (
        field.lists == 0,
        not has_names,
        not field.is_text,
        column_names.CATEGORIES.index(field.key),
    )


def _find_expression(
    draft: Draft, fields: Sequence[Field], boxes: Field, category: Field | None
) -> None:
    is_class_list = category is not None and (category.lists > 0 or boxes.lists > 1)
    if draft.task == "detection" or (draft.task is None and is_class_list):
        return
    if draft.expression is None:
        texts = [f for f in fields if f.is_text and f.lists <= 1 and f.path != draft.category]
        apart = [f for f in texts if not (f.outer_lists and f.container == boxes.container)]
        found = _pick(apart, column_names.EXPRESSIONS)
        if found is None and any(f.key == "question" for f in fields):
            found = _pick(apart, ("answer", "answers"))
        if found is None:
            return
        draft.expression = found.path
    if draft.expression_id is None:
        beside = (
            f for f in fields if f.container == (draft.expression or ())[:-1] and f.lists <= 1
        )
        found = _pick(beside, column_names.EXPRESSION_IDS)
        draft.expression_id = found.path if found else None
    named = f", named by {format_path(draft.expression_id)}" if draft.expression_id else ""
    draft.reasons.append(f"expression: {format_path(draft.expression)}{named}")


def _settle_task(draft: Draft, category: Field | None, schema: pa.Schema) -> None:
    if draft.task is None:
        draft.task = "grounding" if draft.expression is not None else "detection"
    if draft.task == "grounding":
        draft.category = draft.names = None
        if draft.expression is None:
            raise LayoutError(
                f"no referring expressions among the columns: {describe_columns(schema)}; name "
                f'them with --layout FILE.toml and a line such as expression = "COLUMN"'
            )
        return
    draft.expression = draft.expression_id = None
    if category is not None:
        draft.category = category.path
        draft.reasons.append(f"category: {format_path(category.path)}")
    elif draft.names is None or len(draft.names) != 1:
        raise LayoutError(
            f"boxes, but nothing that says what they are, among the columns: "
            f"{describe_columns(schema)}; name it with --layout FILE.toml and a line such as "
            f'category = "COLUMN.FIELD" (or expression = "COLUMN"), or give the one name of all '
            f"boxes with --classes"
        )


def _find_flags(draft: Draft, siblings: Sequence[Field]) -> None:
    numbers = [
        f for f in siblings if f.lists <= 1 and (f.is_number or pt.is_boolean(innermost(f.type)))
    ]
    for role, keys in (
        ("area", column_names.AREAS),
        ("iscrowd", column_names.CROWDS),
        ("difficult", column_names.DIFFICULTS),
    ):
        found = _pick(numbers, keys)
        if getattr(draft, role) is None and found is not None:
            setattr(draft, role, found.path)


def _find_size(draft: Draft, fields: Sequence[Field], used: Sequence[Path]) -> None:
    if draft.width is not None or draft.height is not None:
        return
    numbers = [f for f in fields if f.lists == 0 and f.is_number and f.path not in used]
    for container in sorted({f.container for f in numbers}, key=len):
        inside = [f for f in numbers if f.container == container]
        width, height = _pick(inside, column_names.WIDTHS), _pick(inside, column_names.HEIGHTS)
        if width and height:
            draft.width, draft.height = width.path, height.path
            draft.reasons.append(f"size: {format_path(width.path)}, {format_path(height.path)}")
            return


def _find_id(draft: Draft, fields: Sequence[Field], boxes: Field) -> None:
    """Also the column that says the boxes' order, which stands where ids do."""
    scalars = [f for f in fields if f.lists == 0]
    formats = [f for f in scalars if f.is_text and f.container in ((), boxes.container)]
    if draft.order is None and draft.order_column is None:
        found = _pick(formats, column_names.FORMATS)
        draft.order_column = found.path if found else None
    if draft.id is None:
        keys: tuple[str, ...] = (
            column_names.ROW_IDS if draft.task == "grounding" else column_names.IDS
        )
        keys = keys[:2] if draft.grouped else keys  # a row's own `id` would be the box's
        usable = [f for f in scalars if f.is_text or pt.is_integer(f.type)]
        found = _pick((f for f in usable if not f.container), keys) or _pick(
            usable, column_names.IDS[:1]
        )
        draft.id = found.path if found else None
    name = draft.id or draft.image_name
    draft.grouped = bool(draft.grouped and name)
    how = "the file's name and the row" if name is None else format_path(name)
    draft.reasons.append(f"id: {how}{', rows of one id together' if draft.grouped else ''}")


def _pick(fields: Iterable[Field], keys: Sequence[str]) -> Field | None:
    """The field with the name that comes first in `keys`."""
    named = [field for field in fields if field.key in keys]
    return min(named, key=lambda field: keys.index(field.key), default=None)


def _required(fields: Sequence[Field], path: Path) -> Field:
    field = find(fields, path)
    if field is None:
        name, known = format_path(path), [format_path(field.path) for field in fields]
        hint = did_you_mean(name, known)
        raise LayoutError(f"no field {name!r}{hint} (known: {', '.join(known)})")
    return field


def _check_declared(draft: Draft, fields: Sequence[Field]) -> None:
    for path in draft.paths():
        _required(fields, path)
    if draft.id is not None:
        field = _required(fields, draft.id)
        if field.lists or not (field.is_text or pt.is_integer(field.type)):
            raise LayoutError(
                f"{format_path(field.path)} is {describe_type(field.type)}; an id is one integer "
                f"or text a row"
            )
