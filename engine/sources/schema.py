"""Schema: the fields of an Arrow schema at every depth, and how they are shown to people."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.types as pt

from groundray.engine.sources.layout import Path


class Field(NamedTuple):
    """A field at any depth.

    Attributes:
        path: where it is.
        type: its own type, lists included.
        outer_lists: lists of structs that the path leads through.
    """

    path: Path
    type: pa.DataType
    outer_lists: int

    @property
    def key(self) -> str:
        """Its name as names are compared: lower case, without `_`, `-` and spaces."""
        return plain_name(self.path[-1])

    @property
    def container(self) -> Path:
        """What holds it: a struct, or `()` for a column."""
        return self.path[:-1]

    @property
    def lists(self) -> int:
        """All lists around a single value."""
        return self.outer_lists + list_depth(self.type)

    @property
    def is_text(self) -> bool:
        """Whether its values are text."""
        return bool(pt.is_string(innermost(self.type)))

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers; a field that is null everywhere may hold any."""
        return is_number(innermost(self.type))


def walk(schema: pa.Schema) -> Iterator[Field]:
    """All fields of a schema, each before those that it holds."""
    for column in schema:
        yield from _walk((column.name,), column.type, 0)


def _walk(path: Path, type_: pa.DataType, outer: int) -> Iterator[Field]:
    yield Field(path, type_, outer)
    inner = innermost(type_)
    if pt.is_struct(inner):
        for i in range(inner.num_fields):
            child = inner.field(i)
            yield from _walk((*path, child.name), child.type, outer + list_depth(type_))


def plain_name(name: str) -> str:
    """A name as names are compared."""
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def innermost(type_: pa.DataType) -> pa.DataType:
    """The type of the values in lists of any depth."""
    while pt.is_list(type_):
        type_ = type_.value_type
    return type_


def list_depth(type_: pa.DataType) -> int:
    """How many lists are around a value."""
    depth = 0
    while pt.is_list(type_):
        type_ = type_.value_type
        depth += 1
    return depth


def is_number(type_: pa.DataType) -> bool:
    """Whether a type is an integer or a float, or has no values at all."""
    return bool(
        pt.is_integer(type_) or pt.is_floating(type_) or pt.is_decimal(type_) or pt.is_null(type_)
    )


def describe_columns(schema: pa.Schema) -> str:
    """The columns and their types in one line, for messages."""
    return ", ".join(f"{column.name} {describe_type(column.type)}" for column in schema)


def describe_type(type_: pa.DataType) -> str:
    """A type as people write it."""
    if pt.is_list(type_):
        return f"list<{describe_type(type_.value_type)}>"
    if pt.is_struct(type_):
        fields = (type_.field(i) for i in range(type_.num_fields))
        return f"struct<{', '.join(f'{f.name} {describe_type(f.type)}' for f in fields)}>"
    return str(type_)


def find(fields: Sequence[Field], path: Path) -> Field | None:
    """The field at a path, or None."""
    return next((field for field in fields if field.path == path), None)
