import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageColor

from groundray.engine.drawing.canvas import Mark, Panel, colour_of, draw_marks, draw_panels
from groundray.engine.drawing.fonts import Typeface

RED, BLUE = "#ff0000", "#0000ff"


def gray(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), "#808080")


def region(image: Image.Image, colour: str) -> tuple[int, int, int, int] | None:
    """Box around all pixels of a colour."""
    same = (np.asarray(image) == ImageColor.getrgb(colour)).all(axis=2)
    return Image.fromarray(same).getbbox()


def drawn(*marks: Mark, size: tuple[int, int] = (200, 100)) -> Image.Image:
    return draw_marks(gray(*size), marks, Typeface(12))


def test_an_outline_stands_on_the_edges_of_its_box() -> None:
    image = drawn(Mark((20, 30, 120, 80), "", RED))
    assert region(image, RED) == (20, 30, 121, 81)
    assert image.getpixel((70, 55)) == (128, 128, 128)


def test_a_box_that_leaves_the_image_is_drawn_along_its_border() -> None:
    assert region(drawn(Mark((-50, 30, 1e9, 80), "", RED)), RED) == (0, 30, 200, 81)


def test_a_small_box_lies_over_a_large_one() -> None:
    small = Mark((10, 10, 40, 40), "", RED)
    image = drawn(small, Mark((10, 10, 180, 90), "", BLUE))
    assert image.getpixel((10, 10)) == (255, 0, 0)


def test_no_marks_leave_the_image_as_it_is() -> None:
    assert drawn().tobytes() == gray(200, 100).tobytes()


def test_labels_of_one_place_do_not_cover_each_other() -> None:
    box = (80, 40, 120, 60)
    colours = [RED, BLUE, "#00ff00", "#ffff00"]
    image = drawn(*(Mark(box, "label", colour) for colour in colours))
    spot = (80, 40, 80, 40)
    pixels = np.asarray(image).reshape(-1, 3)
    with_label, without = (np.asarray(drawn(Mark(spot, text, RED))) for text in ("label", ""))
    label = (with_label != without).any(axis=2).sum()
    for colour in colours:
        assert (pixels == ImageColor.getrgb(colour)).all(
            axis=1
        ).sum() >= 0.7 * label  # the rest is its ink


def test_a_point_is_a_dot_beside_its_label() -> None:
    image = drawn(Mark((80, 40, 80, 40), "", RED))
    assert region(image, RED) == (76, 36, 85, 45)


def test_a_label_does_not_hide_a_small_box_next_to_it() -> None:
    neighbour = Mark((20, 22, 26, 38), "", BLUE)
    image = drawn(Mark((20, 40, 60, 60), "label", RED), neighbour)
    assert region(image, BLUE) == (20, 22, 27, 39)


def test_a_label_wider_than_its_image_is_cut_short() -> None:
    image = drawn(Mark((0, 0, 39, 39), "a very long label indeed", RED), size=(40, 40))
    assert image.size == (40, 40)


def test_labels_keep_their_colour_between_runs() -> None:
    code = "from groundray.engine.drawing.canvas import colour_of; print(colour_of('person'))"
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.strip() == colour_of("person")


@pytest.mark.parametrize("size", [(1, 1), (16, 9), (500, 375), (4000, 10), (3000, 4000)])
def test_any_image_is_fitted_into_a_cell(size: tuple[int, int]) -> None:
    panel = Panel(gray(*size), [Mark((0, 0, *size), "all", RED)], "title", "text")
    alone, among = draw_panels([panel]), draw_panels([panel] * 2)
    assert alone.width <= 1200
    assert among.size == draw_panels([Panel(gray(9, 9), [], "", "")] * 2).size


def test_a_small_image_is_enlarged_with_its_boxes() -> None:
    sheet = draw_panels([Panel(gray(16, 8), [Mark((8, 0, 16, 8), "", RED)], "", "")])
    found = region(sheet, RED)
    assert found is not None
    left, top, right, bottom = found
    assert (right - left, bottom - top) == (560, 560)


@pytest.mark.parametrize(("number", "cells"), [(2, (2, 1)), (3, (2, 2)), (6, (3, 2)), (10, (4, 3))])
def test_panels_stand_in_a_grid(number: int, cells: tuple[int, int]) -> None:
    one = draw_panels([Panel(gray(8, 8), [], "", "")] * 4)
    sheet = draw_panels([Panel(gray(8, 8), [], "", "")] * number)
    step = ((one.width - 20) // 2, (one.height - 20) // 2)
    assert sheet.size == (cells[0] * step[0] + 20, cells[1] * step[1] + 20)
