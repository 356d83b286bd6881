"""`groundray draw`."""

import json
from typing import Annotated

import typer

from groundray.engine.cli.options import FormatPlugins
from groundray.engine.cli.terminal import say

_GRID = 6
EPILOG = "Example: groundray draw out/qwen3-vl look.png --grid 6"


def draw(
    examples: Annotated[
        str,
        typer.Argument(
            metavar="EXAMPLES",
            help="A jsonl shard or a folder of them: OUT/qwen3-vl, PREDICTIONS/CHECKPOINT.",
        ),
    ],
    output: Annotated[str, typer.Argument(metavar="OUTPUT.png", help="The PNG to write.")],
    example_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Start from this example.")
    ] = None,
    index: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Start from example N, the first is 0.")
    ] = None,
    grid: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Examples to draw: 1 after --id or --index, else 6."),
    ] = None,
    format_name: Annotated[
        str | None, typer.Option("--format", metavar="NAME", help="Format of the examples.")
    ] = None,
    font: Annotated[
        list[str] | None, typer.Option(help="Font file for rarer scripts; may be repeated.")
    ] = None,
    plugin: FormatPlugins = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUTPUT.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not a summary.")] = False,
) -> None:
    """Draw boxes onto images, as training text or an answer has them.

    Predictions are solid, their targets dashed.
    """
    from groundray.engine.drawing.draw import draw_examples, save_drawing
    from groundray.engine.plugins import load_plugins, read_plugins

    load_plugins(read_plugins(plugin or []))
    first = example_id if example_id is not None else index
    drawing = draw_examples(
        examples,
        first=0 if first is None else first,
        number=grid or (_GRID if first is None else 1),
        format_name=format_name,
        fonts=font or [],
    )
    save_drawing(drawing, output, overwrite=overwrite)
    if as_json:
        facts = {"output": output, "format": drawing.format_name, "ids": drawing.ids}
        say(json.dumps({**facts, "boxes": drawing.num_boxes}))
    else:
        say(f"drew {len(drawing.ids)} images with {drawing.num_boxes} boxes to {output}")
