"""`groundray inspect`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from groundray.engine.cli.tables import plain_table
from groundray.engine.cli.terminal import console, say
from groundray.formats.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from groundray.engine.inspection.inspection import Inspection

_MAX_CATEGORIES = 20
_PIPE_WIDTH = 160

EPILOG = "Example: groundray inspect tests/data/coco_small_ccby"


def inspect(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Parquet files, folders, globs or fsspec URLs.",
            show_default=False,
        ),
    ],
    layout: Annotated[
        str | None, typer.Option(help="What the columns mean: a preset's name or a TOML file.")
    ] = None,
    task: Annotated[Task | None, typer.Option(help="What records are made for.")] = None,
    classes: Annotated[
        Path | None, typer.Option(help="File of class names by id, one a line.")
    ] = None,
    image_root: Annotated[
        str | None, typer.Option(help="Folder that image paths in the data start from.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not a summary.")] = False,
) -> None:
    """Show what a data set holds, how it is read, and what is wrong."""
    from groundray.engine.cli.convert import read_names
    from groundray.engine.inspection.inspect import inspect_source

    inspection = inspect_source(
        inputs,
        layout=layout,
        task=task,
        classes=None if classes is None else read_names(classes),
        image_root=image_root,
    )
    if as_json:
        say(json.dumps(inspection.to_json(), ensure_ascii=False))
        return
    out = console()
    if not out.is_terminal:
        out.width = _PIPE_WIDTH
    for part in _render(inspection):
        out.print(part)


def _render(inspection: "Inspection") -> "Iterator[RenderableType]":
    source = inspection.source
    yield f"{source.task}: {inspection.rows:,} rows in {len(source.files):,} files"
    yield ""
    yield "layout"
    yield from (f"  {line}" for line in source.reason.splitlines())
    yield ""
    splits = [
        (name, s.files, s.rows, s.records, s.boxes, s.empty_records)
        for name, s in inspection.splits.items()
    ]
    yield _table(("split", "files", "rows", "records", "boxes", "without a box"), splits)
    yield ""
    yield from _render_sizes(inspection)
    yield ""
    if inspection.categories:
        usual = sorted(inspection.categories.items(), key=lambda each: -each[1])
        yield _table(("category", "boxes"), usual[:_MAX_CATEGORIES])
        if len(usual) > _MAX_CATEGORIES:
            yield f"... and {len(usual) - _MAX_CATEGORIES} more; --json has all"
        yield ""
    yield from _render_problems(inspection)


def _render_sizes(inspection: "Inspection") -> "Iterator[str]":
    sizes = inspection.image_sizes
    if sizes.smallest is None or sizes.median is None or sizes.largest is None:
        yield "image sizes: unknown"
        return
    range_ = ", ".join(
        f"{word} {width} x {height}"
        for word, (width, height) in (
            ("smallest", sizes.smallest),
            ("median", sizes.median),
            ("largest", sizes.largest),
        )
    )
    yield f"image sizes by {sizes.known_from} of {sizes.images:,} images: {range_}"


def _render_problems(inspection: "Inspection") -> "Iterator[RenderableType]":
    for file in inspection.unreadable:
        yield f"left out: {file.relative}: {file.reason}"
    if inspection.problems:
        rows = []
        for problem in inspection.problems:
            first = problem.examples[0] if problem.examples else None
            where = f"{first.file} row {first.row}, id {first.id}" if first else ""
            rows.append((problem.reason, problem.count, problem.unit, where))
        yield _table(("problem", "count", "of", "first seen"), rows)
    elif not inspection.unreadable:
        yield "no problems found"


def _table(names: "Sequence[str]", rows: "Sequence[Sequence[object]]") -> "Table":
    """A plain table; numbers stand to the right."""
    texts = [[f"{each:,}" if isinstance(each, int) else str(each) for each in row] for row in rows]
    right = [i for row in rows[:1] for i, each in enumerate(row) if isinstance(each, int)]
    return plain_table(names, texts, right=right)
