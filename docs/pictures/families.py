"""Draws docs/pictures/families.jpg: one image and its boxes as six families write them.

Every panel is drawn back from the text alone. Run from the root: python docs/pictures/families.py
"""

import tempfile
from pathlib import Path

import numpy as np
import orjson
from PIL import Image

from groundray.engine import Runner, convert
from groundray.engine.drawing.canvas import Mark, Panel, colour_of, draw_panels
from groundray.formats import Rendered, get_format
from groundray.formats.trainer import trained_text

FAMILIES = ("qwen3-vl", "qwen2.5-vl", "gemini", "paligemma", "florence-2", "molmo")
ID = "208901"  # one object: the whole text can be read


def main() -> None:
    """Converts the sample and draws."""
    here = Path(__file__).parent
    sample = here.parents[1] / "tests/data/coco_small_ccby"
    with tempfile.TemporaryDirectory() as folder:
        convert(str(sample), folder, formats=FAMILIES, splits=["val"], runner=Runner("local"))
        panels = [_panel(Path(folder), name) for name in FAMILIES]
        draw_panels(panels).save(here / "families.jpg", quality=88)


def _panel(folder: Path, name: str) -> Panel:
    family = get_format(name)
    (shard,) = sorted((folder / name / "val").iterdir())
    (example,) = (e for e in map(orjson.loads, shard.read_bytes().splitlines()) if e["id"] == ID)
    text = trained_text(Rendered(example["messages"][-1]["content"], example.get("objects")))
    answer = family.parse(text)
    image = Image.open(shard.parent / example["images"][0])
    wire = np.array([found.wire for found in answer.objects])
    marks = [
        Mark(xyxy, found.category or "", colour_of(found.category or ""))
        for found, xyxy in zip(answer.objects, family.decode(wire, image.size), strict=True)
    ]
    return Panel(image, marks, name, " ".join(text.split()))


if __name__ == "__main__":
    main()
