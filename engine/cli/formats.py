"""`groundray formats`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from groundray.engine.cli.tables import aligned
from groundray.engine.cli.terminal import say
from groundray.formats import FORMATS, FormatError, format_names, get_format, registered_name

if TYPE_CHECKING:
    from groundray.formats import BoxFormat
    from groundray.formats.worked import Worked

formats = typer.Typer(help="Show, check and try the formats that are installed.")

PluginOption = Annotated[
    list[Path] | None,
    typer.Option("--plugin", help="Python file that defines further formats.", metavar="FILE.py"),
]
NameArgument = Annotated[
    str, typer.Argument(help="Name of a format, or a FILE.toml.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, not a table.")]


@formats.callback(invoke_without_command=True, epilog="Example: groundray formats")
def bare(context: typer.Context, as_json: JsonOption = False, plugin: PluginOption = None) -> None:
    """Show, check and try the formats that are installed."""
    _add(plugin)
    if context.invoked_subcommand is None:
        _print_list(as_json=as_json)


@formats.command("list", epilog="Example: groundray formats list --json")
def list_(as_json: JsonOption = False, plugin: PluginOption = None) -> None:
    """List all formats, and the packages that they come from."""
    _add(plugin)
    _print_list(as_json=as_json)


@formats.command(epilog="Example: groundray formats show qwen3-vl")
def show(name: NameArgument, plugin: PluginOption = None) -> None:
    """Show an example of a format, and where its facts come from."""
    from groundray.formats.summary import summarise
    from groundray.formats.worked import worked_examples

    _add(plugin)
    name = registered_name(name)
    format_ = get_format(name)
    summary = summarise(format_)
    say(f"{name}, of {FORMATS.origin(name)}")
    say(f"source: {format_.source}")
    say(f"confidence: {summary.confidence}")
    say(f"geometry: {summary.geometry}")
    say(f"space: {summary.space}, {summary.order}")
    say(f"grammar: {summary.grammar}")
    if format_.system is not None:
        say(f"system: {format_.system}")
    for example in worked_examples(format_):
        _print_example(example)


@formats.command(epilog="Example: groundray formats check qwen3-vl")
def check(name: NameArgument, plugin: PluginOption = None) -> None:
    """Check that a format does what all must; show its ceiling."""
    from groundray.formats.ceiling import quantisation_ceiling
    from groundray.formats.conformance import checks
    from groundray.formats.geometry import geometry_of

    _add(plugin)
    name = registered_name(name)
    format_ = get_format(name)
    failed = 0
    for title, problem in checks(name):
        failed += problem is not None
        say(f"ok    {title}" if problem is None else f"FAIL  {title}: {problem}")
    if failed:
        say(f"{name} fails {failed} checks")
        raise typer.Exit(1)
    what = "Hits" if geometry_of(format_) == "point" else "IoU"
    say(f"{what} that a model without mistakes can reach (mean, and 5th percentile):")
    for size, mean, low in quantisation_ceiling(format_):
        say(f"  {size:6}  {mean:.4f}  {low:.4f}")


@formats.command(epilog="Example: echo '[]' | groundray formats parse qwen3-vl-json")
def parse(
    name: NameArgument,
    width: Annotated[int | None, typer.Option(min=1, help="Image width, pixels.")] = None,
    height: Annotated[int | None, typer.Option(min=1, help="Image height, pixels.")] = None,
    plugin: PluginOption = None,
) -> None:
    """Parse a model's answer on stdin; print what it says as JSON."""
    if (width is None) != (height is None):
        raise typer.BadParameter("--width and --height go together")
    _add(plugin)
    name = registered_name(name)
    format_ = get_format(name)
    text = sys.stdin.buffer.read().decode("utf-8", errors="replace").removesuffix("\n")
    size = None if width is None or height is None else (width, height)
    line = json.dumps(_parsed(format_, text, size), ensure_ascii=False)
    say(line)


def _add(plugins: list[Path] | None) -> None:
    for plugin in plugins or ():
        FORMATS.add_file(plugin)


def _print_list(*, as_json: bool) -> None:
    rows: list[dict[str, Any]] = []
    broken: list[str] = []
    for name in format_names():
        try:
            rows.append(_row(name))
        except (Exception, SystemExit) as error:  # noqa: BLE001  a plugin costs itself
            broken.append(f"{name!r} of {FORMATS.origin(name)}: {type(error).__name__}: {error}")
    _print_rows(rows, as_json=as_json)
    if broken:
        raise FormatError(f"{len(broken)} formats cannot be used: {'; '.join(broken)}")


def _print_rows(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        say(json.dumps(rows))
        return
    cells = [_cells(row) for row in rows]
    table = [list(cells[0]), *(list(row.values()) for row in cells)]
    for line in aligned(table):
        say(line)
    say("small, medium, large: IoU that a model without mistakes can reach; for points, hits")


def _row(name: str) -> dict[str, Any]:
    from groundray.formats.summary import summarise

    return {**summarise(get_format(name))._asdict(), "package": FORMATS.origin(name)}


def _cells(row: dict[str, Any]) -> dict[str, str]:
    """A row for people: what is not verified, and the words for nothing, `show` tells."""
    shown = ("name", "geometry", "space", "order", "grammar")
    return {
        **{key: row[key] for key in shown},
        "tasks": ", ".join(row["tasks"]),
        **{size: f"{mean:.3f}" for size, mean in row["ceiling"].items()},
        "confidence": row["confidence"].partition(":")[0],
        "package": row["package"],
    }


def _print_example(example: "Worked") -> None:
    say(f"\n{example.task}:")
    _print_block("user", f"<image>{example.user}")
    _print_block("assistant", example.rendered.assistant)
    if example.rendered.objects is not None:
        _print_block("objects", json.dumps(example.rendered.objects, ensure_ascii=False))
        _print_block("the trainer makes of it", example.trained)
    _print_block("nothing there", example.nothing)


def _print_block(title: str, text: str) -> None:
    say(f"  {title}:")
    say("\n".join(f"    {line}" for line in text.split("\n")))


def _parsed(
    format_: "BoxFormat", text: str, image_size: tuple[int, int] | None
) -> dict[str, object]:
    answer = format_.parse(text)
    objects = [
        {
            "category": found.category,
            "wire": list(found.wire),
            "xyxy": None if image_size is None else _decoded(format_, found.wire, image_size),
        }
        for found in answer.objects
    ]
    return {"objects": objects, "issues": list(answer.issues)}


def _decoded(
    format_: "BoxFormat", wire: tuple[float, ...], image_size: tuple[int, int]
) -> list[float] | None:
    """A box in pixels; None for numbers that no float64 can hold once they are scaled."""
    import numpy as np

    xyxy = format_.decode(np.array([wire], dtype=np.float64), image_size)
    values: list[float] = xyxy[0].tolist()
    return values if bool(np.isfinite(xyxy).all()) else None
