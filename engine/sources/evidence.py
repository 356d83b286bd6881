"""Evidence: which reading of four numbers the boxes of a sample bear out.

A reading is an order (xyxy, xywh, cxcywh) and a space (pixels, unit, grid1000). A box violates it
where, read so, it is inverted, leaves its image, or has another area than the area column says. A
reading is ruled out when more than 5 % of the boxes violate it, and accepted when at most 1 % do
and every other one is ruled out. Boxes that violate every reading are dead, and tell nothing: they
are not counted, unless they are more than 5 % themselves.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from groundray.engine.boxes import SPACES, Space, scale_to_pixels
from groundray.engine.records import BoolArray, FloatArray
from groundray.engine.sources.box_lists import to_xyxy
from groundray.engine.sources.layout import ORDERS, Order
from groundray.engine.sources.sample import Sample
from groundray.formats.errors import LayoutError

RULED_OUT = 0.05
ACCEPTED = 0.01

_SLACK = 0.01  # of the image's side that a box may overhang; annotators' boxes do
_SLACK_PIXELS = 2.0
_AREA_TOLERANCE = 0.01
_EDGE = 0.95  # of a sample that fills the grid, some box comes as near to its end as this


class Reading(NamedTuple):
    """One way to read four numbers."""

    order: Order
    space: Space

    def __str__(self) -> str:
        return f"{self.order} in {self.space}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The reading that a sample bears out.

    Attributes:
        reading: the one that was accepted.
        shares: reading -> share of the boxes that violate it.
        num_boxes: boxes that were looked at.
    """

    reading: Reading
    shares: dict[Reading, float]
    num_boxes: int


def judge(sample: Sample, *, order: Order | None, space: Space | None) -> Verdict:
    """Settles how boxes are to be read; what is declared already is not put to the question.

    Args:
        sample: boxes as they are written.
        order: None where it is not known.
        space: None where it is not known.

    Raises:
        LayoutError: the sample bears out no reading, or more than one.
    """
    readings = [
        Reading(o, s) for o in ORDERS for s in SPACES if order in {None, o} and space in {None, s}
    ]
    shares = _judge_all(sample, readings)
    accepted = [reading for reading, share in shares.items() if share <= ACCEPTED]
    still_open = [reading for reading, share in shares.items() if share <= RULED_OUT]
    if len(accepted) == 1 and still_open == accepted and len(sample.numbers):
        return Verdict(accepted[0], shares, len(sample.numbers))
    raise LayoutError(_explain(sample, shares, still_open))


def _violations(sample: Sample, reading: Reading) -> BoolArray:
    """`(M,)` boxes that cannot be meant so, their areas apart."""
    numbers, sizes = sample.numbers, sample.image_sizes
    xyxy = to_xyxy(numbers, reading.order)
    extents = _extents(sizes, reading.space)
    slack = np.maximum(_SLACK * extents, _SLACK_PIXELS if reading.space == "pixels" else 0)
    violates: BoolArray = (xyxy[:, 2:] < xyxy[:, :2]).any(axis=1)
    violates |= (xyxy[:, :2] < -np.nan_to_num(slack, nan=_SLACK_PIXELS)).any(axis=1)
    violates |= (xyxy[:, 2:] > extents + slack).any(axis=1)
    if reading.space != "unit":
        violates |= (numbers <= 1).all(axis=1)  # a box within the first pixel
    if reading.space == "grid1000":
        violates |= (numbers != np.floor(numbers)).any(axis=1)
        if (numbers > 1000).any() or not _reaches_edges(xyxy, extents):
            violates[:] = True
    return violates


def _reaches_edges(xyxy: FloatArray, extents: FloatArray) -> bool:
    """Whether some box comes near the right edge and some box near the bottom."""
    return bool((xyxy[:, 2:] >= _EDGE * extents).any(axis=0).all())


def _extents(sizes: FloatArray, space: Space) -> FloatArray:
    """`(M, 2)` where the right edge and the bottom of each box's image are."""
    if space == "pixels":
        return sizes
    return np.full_like(sizes, 1.0 if space == "unit" else 1000.0)


def _area_ratio(sample: Sample, reading: Reading) -> FloatArray:
    """`(M,)` width times height over the area column: in pixels, or in the numbers' own space."""
    own = to_xyxy(sample.numbers, reading.order)
    scaled = scale_to_pixels(own, reading.space, sample.image_sizes)
    areas = [np.prod(xyxy[:, 2:] - xyxy[:, :2], axis=1) for xyxy in (own, scaled)]
    ratios = np.stack(areas) / np.where(sample.area > 0, sample.area, np.nan)
    distance = np.abs(np.nan_to_num(ratios, nan=np.inf) - 1)
    nearest = np.argmin(distance, axis=0)
    chosen: FloatArray = ratios[nearest, np.arange(len(nearest))]
    return chosen


def _judge_all(sample: Sample, readings: list[Reading]) -> dict[Reading, float]:
    """The share of boxes that violate each reading."""
    if not len(sample.numbers):
        return dict.fromkeys(readings, 0.0)
    violations = {reading: _violations(sample, reading) for reading in readings}
    if np.isfinite(sample.area).any():
        ratios = {reading: _area_ratio(sample, reading) for reading in readings}
        equal = {reading: np.abs(ratio - 1) <= _AREA_TOLERANCE for reading, ratio in ratios.items()}
        known = sample.area > 0
        is_box_area = known.any() and max(e[known].mean() for e in equal.values()) > 1 - RULED_OUT
        for reading, ratio in ratios.items():  # else it may be a segment's, which is never larger
            unlike = ~equal[reading] if is_box_area else ratio < 1 - _AREA_TOLERANCE
            violations[reading] |= known & unlike
    telling = ~np.logical_and.reduce(list(violations.values()))
    if telling.mean() < 1 - RULED_OUT:
        telling[:] = True
    shares = {reading: float(v[telling].mean()) for reading, v in violations.items()}
    _part_pixels_from_grid(sample, shares)
    return shares


def _part_pixels_from_grid(sample: Sample, shares: dict[Reading, float]) -> None:
    """Where numbers fill the grid and no image, they are no pixels, but images larger than it."""
    if not any(share <= RULED_OUT for r, share in shares.items() if r.space == "grid1000"):
        return
    for reading, share in shares.items():
        if reading.space == "pixels" and share <= RULED_OUT:
            xyxy = to_xyxy(sample.numbers, reading.order)
            if not _reaches_edges(xyxy, sample.image_sizes):
                shares[reading] = 1.0


def _explain(sample: Sample, shares: dict[Reading, float], still_open: list[Reading]) -> str:
    """One line: what was counted, and the option that settles it."""
    seen = "there is no box to tell by"
    if len(sample.numbers):
        known = sample.source_of_sizes
        parts = [f"{r} {share:.1%}" for r, share in sorted(shares.items(), key=lambda x: x[1])]
        seen = (
            f"of {len(sample.numbers):,} boxes (image sizes "
            f"{'unknown' if known == 'nothing' else f'from {known}'}) these shares violate it: "
            f"{', '.join(parts)}"
        )
    likely = still_open or sorted(shares, key=shares.__getitem__)[:2]
    options = [_option(reading) for reading in likely][:4]
    return f"how the boxes are written is not settled; {seen}; say it with {' or '.join(options)}"


def _option(reading: Reading) -> str:
    name = {
        Reading("xyxy", "pixels"): "voc",
        Reading("xywh", "pixels"): "coco-xywh",
        Reading("cxcywh", "unit"): "yolo",
    }.get(reading)
    lines = f'order = "{reading.order}" and space = "{reading.space}" in --layout FILE.toml'
    return f"--layout {name} ({reading})" if name else lines
