"""How boxes look on images: outlines, labels that keep clear of each other, captions, a grid."""

from collections.abc import Sequence
from colorsys import hls_to_rgb
from dataclasses import dataclass, replace
from hashlib import blake2b
from math import ceil, sqrt
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from groundray.engine.drawing.fonts import Typeface
from groundray.engine.jpeg import ImageSize
from groundray.engine.records import FloatArray, IntArray

_CELL = (560, 420)  # pixels that an image is fitted into, one of several and one alone
_ALONE = (1120, 1120)
_MARGIN = 20
_MOST_LABELS = 500  # more hide the image, and each looks for a place among all others
_OUTLINE, _LEADER, _DASH, _DOT = 3, 2, 6, 5
_SMALL = 4  # a box of fewer label heights must not be hidden by a label
_NEARER = 0.01  # share of a box that may be hidden for the next better place of a label
_PADDING = 4  # between a label's text and its edge
_LABEL_SIZE, _CAPTION_SIZE = 13, 15
_INK, _FAINT, _PAPER, _MAT = "#18181b", "#71717a", "#ffffff", "#f4f4f5"


class Mark(NamedTuple):
    """One box to draw.

    Attributes:
        xyxy: four finite numbers, pixels of the image; may lie outside it. A point, drawn as a dot,
            where the corners are one.
        label: what is written beside it; nothing where empty.
        colour: `#rrggbb`.
        dashed: whether the outline is broken.
    """

    xyxy: Sequence[float]
    label: str
    colour: str
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """An image, what is drawn on it, and two lines of caption."""

    image: Image.Image
    marks: Sequence[Mark]
    title: str
    text: str


def colour_of(label: str) -> str:
    """The colour of a label, the same in every run.

    >>> colour_of("cat") == colour_of("cat"), colour_of("cat") == colour_of("dog")
    (True, False)
    """
    digest = blake2b(label.encode("utf-8", "replace"), digest_size=3).digest()
    hue, lightness = int.from_bytes(digest[:2], "big") / 65536, 0.38 + 0.24 * digest[2] / 255
    return "#" + "".join(f"{round(255 * part):02x}" for part in hls_to_rgb(hue, lightness, 0.9))


def draw_panels(panels: Sequence[Panel], *, fonts: Sequence[str] = ()) -> Image.Image:
    """All panels, at least one, on one sheet; small images are enlarged, large ones reduced.

    Args:
        panels: left to right, then down.
        fonts: font files for characters that the package's own font lacks.
    """
    faces = Typeface(_LABEL_SIZE, more=fonts), Typeface(_CAPTION_SIZE, more=fonts)
    if len(panels) == 1:
        fitted = _fit(panels[0], _ALONE)
        cells = [_draw_cell(fitted, fitted.image.size, *faces)]
    else:
        cells = [_draw_cell(_fit(panel, _CELL), _CELL, *faces) for panel in panels]
    num_columns = ceil(sqrt(len(cells)))
    num_rows = ceil(len(cells) / num_columns)
    step_x, step_y = cells[0].width + _MARGIN, cells[0].height + _MARGIN
    sheet = Image.new("RGB", (num_columns * step_x + _MARGIN, num_rows * step_y + _MARGIN), _PAPER)
    for i, cell in enumerate(cells):
        row, column = divmod(i, num_columns)
        sheet.paste(cell, (_MARGIN + column * step_x, _MARGIN + row * step_y))
    return sheet


def draw_marks(image: Image.Image, marks: Sequence[Mark], typeface: Typeface) -> Image.Image:
    """The image with marks, as many pixels as before; small boxes lie over large ones."""
    image = image.convert("RGB")
    canvas = ImageDraw.Draw(image)
    corners = np.array([mark.xyxy for mark in marks], dtype=np.float64).reshape(-1, 4)
    boxes = np.rint(np.clip(corners, 0, np.tile(image.size, 2) - 1)).astype(np.int64)
    points = (corners[:, :2] == corners[:, 2:]).all(axis=1)
    boxes[points] += np.array([-_DOT, -_DOT, _DOT, _DOT])
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    small_first = np.argsort(areas, kind="stable").tolist()
    for i in reversed(small_first):
        if points[i]:
            canvas.ellipse(tuple(boxes[i].tolist()), fill=marks[i].colour, outline=_PAPER)
        else:
            _draw_outline(canvas, boxes[i], marks[i])

    height = typeface.ascent + typeface.descent
    in_the_way = boxes[areas < (_SMALL * height) ** 2][:_MOST_LABELS]
    labels = []
    for i in small_first[:_MOST_LABELS]:
        text = typeface.fit(marks[i].label, image.width - 2 * _PADDING)
        if text:
            size = (typeface.width(text) + 2 * _PADDING, height)
            place = _place_label(boxes[i], size, image.size, in_the_way)
            in_the_way = np.vstack([in_the_way, place])
            labels.append((text, place.tolist(), marks[i].colour))
            canvas.line(_nearest_points(boxes[i], place), fill=marks[i].colour, width=_LEADER)
    for text, (left, top, right, bottom), colour in labels:
        canvas.rectangle((left, top, right - 1, bottom - 1), fill=colour)
        typeface.write(canvas, left + _PADDING, top, text, _readable_on(colour))
    return image


def _draw_outline(canvas: ImageDraw.ImageDraw, box: IntArray, mark: Mark) -> None:
    x1, y1, x2, y2 = box.tolist()
    if not mark.dashed:
        canvas.rectangle((x1, y1, x2, y2), outline=mark.colour, width=_OUTLINE)
        return
    for first, last, dash in (
        *(((x, y), (min(x + _DASH, x2), y), i) for y in (y1, y2) for i, x in _steps(x1, x2)),
        *(((x, y), (x, min(y + _DASH, y2)), i) for x in (x1, x2) for i, y in _steps(y1, y2)),
    ):
        canvas.line((first, last), fill=mark.colour if dash % 2 == 0 else _PAPER, width=_LEADER)


def _steps(start: int, stop: int) -> list[tuple[int, int]]:
    return list(enumerate(range(start, stop + 1, _DASH)))


def _place_label(
    box: IntArray, size: ImageSize, image_size: ImageSize, in_the_way: IntArray
) -> IntArray:
    """`(4,)` edges of a label near its box, where it hides the least of what is in the way.

    Args:
        box: `(4,)` edges of its box.
        size: width and height of the label.
        image_size: width and height that it must stay within.
        in_the_way: `(N, 4)` labels and small boxes.
    """
    x1, y1, x2, y2 = box.tolist()
    width, height = size
    centre_x, centre_y = (x1 + x2 - width) // 2, (y1 + y2 - height) // 2
    corners = []
    for gap in range(0, 4 * height, height):
        corners += [(x, y1 - height - gap) for x in (x1, x2 - width, centre_x)]
        corners += [(x, y2 + gap) for x in (x1, x2 - width, centre_x)]
        corners += [(x, y) for x in (x2 + gap, x1 - width - gap) for y in (y1, centre_y)]
        if not gap:
            corners += [(x, y) for x in (x1, x2 - width) for y in (y1, y2 - height)]
    top_left = np.clip(corners, 0, np.maximum(np.subtract(image_size, size), 0))
    places = np.hstack([top_left, top_left + size])
    hidden = _covered(places, in_the_way).sum(axis=1)
    place: IntArray = places[np.argmin(hidden + _NEARER * np.arange(len(places)))]
    return place


def _nearest_points(a: IntArray, b: IntArray) -> list[tuple[int, int]]:
    """Where two boxes are nearest; one point, twice, where they touch."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    middle = (low + high) // 2
    from_a = np.where(low <= high, middle, np.where(a[:2] > b[2:], a[:2], a[2:]))
    from_b = np.where(low <= high, middle, np.where(a[:2] > b[2:], b[2:], b[:2]))
    return [tuple(from_a.tolist()), tuple(from_b.tolist())]


def _covered(places: IntArray, boxes: IntArray) -> FloatArray:
    """`(N, M)` share of each of M boxes that each of N places covers."""
    low = np.maximum(places[:, None, :2], boxes[None, :, :2])
    high = np.minimum(places[:, None, 2:], boxes[None, :, 2:])
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    shares: FloatArray = np.clip(high - low, 0, None).prod(axis=2) / np.maximum(areas, 1)
    return shares


def _fit(panel: Panel, size: ImageSize) -> Panel:
    """The panel with its image as large as it can be within `size`, in whole pixels."""
    width, height = panel.image.size
    scale = min(size[0] / width, size[1] / height)
    image = panel.image.convert("RGB").resize(
        (max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.LANCZOS
    )
    scales = np.array([image.width / width, image.height / height] * 2)
    marks = [mark._replace(xyxy=np.multiply(mark.xyxy, scales).tolist()) for mark in panel.marks]
    return replace(panel, image=image, marks=marks)


def _draw_cell(panel: Panel, size: ImageSize, labels: Typeface, captions: Typeface) -> Image.Image:
    """An image amid `size` pixels, with its caption below."""
    line = captions.ascent + captions.descent
    width, height = size
    cell = Image.new("RGB", (width, height + _PADDING + 2 * line), _PAPER)
    canvas = ImageDraw.Draw(cell)
    canvas.rectangle((0, 0, width - 1, height - 1), fill=_MAT)
    image = draw_marks(panel.image, panel.marks, labels)
    cell.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    below = height + _PADDING
    captions.write(canvas, 0, below, captions.fit(panel.title, width), _INK)
    captions.write(canvas, 0, below + line, captions.fit(panel.text, width), _FAINT)
    return cell


def _readable_on(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return _INK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else _PAPER
