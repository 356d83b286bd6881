"""Tables: for a terminal, and as lines of columns for pipes."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.table import Table


def plain_table(
    names: Sequence[str], rows: Iterable[Sequence[str]], *, right: Collection[int] = ()
) -> "Table":
    """A table without lines, whose cells are text and no markup.

    Args:
        names: of the columns.
        rows: as many cells each.
        right: numbers of the columns that end at the right, as numbers do.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, name in enumerate(names):
        justify: Literal["left", "right"] = "right" if number in right else "left"
        table.add_column(Text(name), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines in which the columns of all rows begin at the same places."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
