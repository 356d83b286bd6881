"""`groundray export`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from groundray.engine.cli.terminal import say

EPILOG = "\b\nExample: groundray export predictions/checkpoint-500 detections.json --coco"


def export(
    predictions: Annotated[
        str,
        typer.Argument(help="Folder that `predict` wrote, or a glob, or a jsonl file."),
    ],
    output: Annotated[
        str,
        typer.Argument(
            metavar="OUTPUT.json", help="The results; annotations go to OUTPUT.truth.json."
        ),
    ],
    coco: Annotated[bool, typer.Option("--coco", help="In COCO's form; there is no other.")] = True,
    score_mode: Annotated[
        Literal["constant", "order", "logprob"], typer.Option(help="Where the scores come from.")
    ] = "constant",
    classes: Annotated[
        Path | None, typer.Option(help="File of class names by id, one a line.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the files.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not a summary.")] = False,
) -> None:
    """Write predictions as COCO results, and their targets beside."""
    from groundray.engine.cli.convert import read_names
    from groundray.engine.evaluation.coco_export import export_coco
    from groundray.engine.evaluation.prediction_files import open_predictions

    del coco  # named in the command so that another form can be
    run = open_predictions(predictions, classes=None if classes is None else read_names(classes))
    exported = export_coco(run, output, score_mode=score_mode, overwrite=overwrite)
    if as_json:
        say(json.dumps(asdict(exported)))
        return
    say(f"wrote {exported.detections:,} detections to {exported.results}")
    say(
        f"and {exported.annotations:,} annotations of {exported.images:,} images to "
        f"{exported.truth}"
    )
    if exported.left_out:
        say(f"  left out: {exported.left_out:,} boxes whose label is not in the list of classes")
    if exported.other_records:
        say(f"  left out: {exported.other_records:,} records with an expression, or of points")
