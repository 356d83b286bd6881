"""Formats that write points or corners instead of boxes."""

from pathlib import Path

import numpy as np
import pytest

from groundray.formats import FORMATS, FormatError, format_names, get_format
from groundray.formats.ceiling import paired_hits, quantisation_ceiling
from groundray.formats.conformance import checks
from groundray.formats.geometry import centres, geometry_of, sayable

XYXY = np.array([[10.0, 20, 30, 60], [0, 0, 5, 5]])


def test_what_each_family_writes() -> None:
    others = {name: geometry_of(get_format(name)) for name in format_names()}
    assert others.pop("molmo") == "point"
    assert others.pop("paddleocr-vl") == "quad"
    assert set(others.values()) == {"box"}


def test_a_format_without_the_attribute_writes_boxes() -> None:
    class Plain:
        name = "plain"

    assert geometry_of(Plain()) == "box"  # type: ignore[arg-type]


def test_an_unknown_geometry_is_named() -> None:
    class Odd:
        name = "odd"
        geometry = "circle"

    with pytest.raises(FormatError, match=r"'odd' has geometry 'circle'; .*: box, point, quad"):
        geometry_of(Odd())  # type: ignore[arg-type]


def test_centres_are_boxes_without_size() -> None:
    assert centres(XYXY).tolist() == [[20, 40, 20, 40], [2.5, 2.5, 2.5, 2.5]]
    assert sayable(XYXY, "point").tolist() == centres(XYXY).tolist()
    assert sayable(XYXY, "quad") is XYXY


def test_a_point_hits_within_the_box_and_on_its_border() -> None:
    points = np.array([[10.0, 60, 10, 60], [5.1, 5, 5.1, 5]])
    assert paired_hits(points, XYXY).tolist() == [1, 0]


def test_corners_decode_to_the_box_around_them_in_any_order() -> None:
    slanted = np.array(
        [[100, 50, 300, 100, 280, 200, 80, 150], [280, 200, 80, 150, 100, 50, 300, 100]]
    )
    decoded = get_format("paddleocr-vl").decode(slanted, (1000, 2000))
    assert decoded.tolist() == [[80, 100, 300, 400]] * 2


def test_a_point_decodes_to_a_box_without_size() -> None:
    decoded = get_format("molmo").decode(np.array([[10.5, 20.0]]), (1000, 500))
    assert decoded.tolist() == [[105, 100, 105, 100]]


def test_the_ceiling_of_points_is_a_hit_rate() -> None:
    assert [ceiling.mean for ceiling in quantisation_ceiling(get_format("molmo"))] == [1, 1, 1]


POINT_PLUGIN = """
import re
import numpy as np
from groundray.formats import LabelError, ParsedAnswer, ParsedObject, Rendered

class Pin:
    name = "pin"
    geometry = "point"
    system = None
    prompts = {"detection": "Find: {classes}"}
    source = "made up"

    def encode(self, xyxy, image_sizes):
        return np.rint((xyxy[:, :2] + xyxy[:, 2:]) / 2 / image_sizes * STEPS).astype(int)

    def decode(self, wire, image_size):
        return np.tile(np.asarray(wire).reshape(-1, 2) / 100 * image_size, 2)

    def render(self, task, *, expression, categories, wire):
        for label in categories:
            if not re.fullmatch(r"\\w[^@;<>|]*", label):
                raise LabelError(label)
        return Rendered(" ".join(f"{c}@{x},{y};" for c, (x, y) in zip(categories, wire)) or "None")

    def parse(self, text):
        *parts, rest = text.split(";")
        found = [re.fullmatch(r"([^@]+)@(\\d{1,4}),(\\d{1,4})", part.strip()) for part in parts]
        objects = tuple(ParsedObject(pin[1], (int(pin[2]), int(pin[3]))) for pin in found if pin)
        sound = all(found) and rest.strip() == ("" if found else "None")
        return ParsedAnswer(objects, () if sound else ("unparsable",))
"""


@pytest.mark.parametrize(
    ("steps", "failed"), [(100, []), (97, ["boxes survive encode and decode"])]
)
def test_a_plugin_may_write_points(tmp_path: Path, steps: int, failed: list[str]) -> None:
    plugin = tmp_path / "pin.py"
    plugin.write_text(POINT_PLUGIN.replace("STEPS", str(steps)))
    FORMATS.add_file(plugin)
    assert [check.name for check in checks("pin") if check.problem is not None] == failed
