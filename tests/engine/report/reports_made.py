"""Reports for tests: predictions with images, all the way through `evaluate`."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from groundray.engine.evaluation.evaluate import evaluate
from groundray.engine.runners import Runner
from tests.engine.prediction.predictions_made import write_predictions
from tests.engine.scoring.made import Line, line, said, target

HOSTILE = (
    "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 2'>"
    "<!-- <style> ]]> {{script}} {{data}} \u2028 \u0000 &lt; ${1}"
)

LINES = (
    line(
        [target("cup", (10, 10, 40, 40)), target("dog", (50, 50, 90, 90))],
        [said("cup", (10, 10, 40, 40)), said("car", (50, 50, 90, 90))],
        id="mislabelled",
        text="a cup and a car",
    ),
    line([target("dog", (10, 10, 90, 90))], [], id="missed", text="nothing"),
    line([], [said("cup", (5, 5, 20, 20))], id="invented", text="a cup"),
    line([target("cup", (10, 10, 50, 50))], [said("cup", (10, 10, 50, 50))], id="right", text="ok"),
    line([target("car", (0, 0, 90, 90))], [], id="cut", text=HOSTILE, issues=["truncated"]),
    line([target("car", (0, 0, 9, 9))], [said("car", (4, 0, 13, 9))], id="misplaced", text="near"),
)
"""One record of each kind; the hostile one is cut off."""


def better(lines: Sequence[Line]) -> list[Line]:
    """The same records with every target found and nothing else."""
    return [
        {
            **each,
            "predictions": [said(box["category"], box["xyxy"]) for box in each["targets"]],
            "text": "all found",
            "issues": [],
        }
        for each in lines
    ]


def write_images(run: Path, lines: Sequence[Line], *, colour: str = "teal") -> None:
    """Image files where lines say that they are."""
    for each in lines:
        place = run / "val" / each["image"]
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (each["width"], each["height"]), colour).save(place)


def make_report(
    folder: Path, runs: Mapping[str, Sequence[Line]], *, images: bool = True, **options: Any
) -> Path:
    """The page of runs by name."""
    places = []
    for number, (name, lines) in enumerate(runs.items()):
        run = write_predictions(folder / f"run-{number}", lines, checkpoint=name)
        if images:
            write_images(run, lines)
        places.append(str(run))
    out = folder / "out"
    names = list(runs)
    evaluate(places, str(out), names=names, replicates=50, runner=Runner("local"), **options)
    return out / "report.html"


def data_of(page: Path, name: str = "data") -> Any:
    """What the page was given."""
    text = page.read_text(encoding="utf-8")
    found = re.search(
        rf'<script type="application/json" id="{name}">(.*?)</script>', text, re.DOTALL
    )
    assert found is not None
    return json.loads(found[1])
