"""Box geometry on whole arrays, in float64: layouts, spaces, EXIF turns, and what makes a box dead.

Edges are coordinates, not pixel indices: a box over all of an image is (0, 0, width, height).
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from groundray.engine.records import BoolArray, FloatArray, IntArray

Space = Literal["pixels", "unit", "grid1000"]
SPACES: tuple[Space, ...] = get_args(Space)

REASONS = ("kept", "not_finite", "inverted", "zero_area", "outside")
"""What `Cleaned.reason` counts by; a box that is dead for several reasons has the first."""

_NOT_FINITE, _INVERTED, _ZERO_AREA, _OUTSIDE = range(1, 5)
_SPANS = {"unit": 1.0, "grid1000": 1000.0}

# By EXIF orientation; 0 is not one. Source: CIPA DC-008 (Exif 2.32), 4.6.4 A.
_SWAPS_AXES = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1], dtype=np.bool_)
_FLIPS_X = np.array([0, 0, 1, 1, 0, 0, 0, 1, 1], dtype=np.bool_)
_FLIPS_Y = np.array([0, 0, 0, 1, 1, 0, 1, 1, 0], dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """N boxes, judged.

    Attributes:
        xyxy: `(N, 4)` clipped to the image; means nothing where a box is not kept.
        keep: `(N,)` whether a box has area inside its image.
        reason: `(N,)` index into `REASONS`, 0 where kept.
        clipped: `(N,)` whether a kept box overhung its image.
    """

    xyxy: FloatArray
    keep: BoolArray
    reason: NDArray[np.int8]
    clipped: BoolArray


def xywh_to_xyxy(xywh: FloatArray) -> FloatArray:
    """Corners of `(N, 4)` boxes given as left, top, width, height."""
    return np.hstack([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]])


def xyxy_to_xywh(xyxy: FloatArray) -> FloatArray:
    """Left, top, width, height of `(N, 4)` boxes given by their corners."""
    return np.hstack([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]])


def cxcywh_to_xyxy(cxcywh: FloatArray) -> FloatArray:
    """Corners of `(N, 4)` boxes given as centre x, centre y, width, height."""
    half = cxcywh[:, 2:] / 2
    return np.hstack([cxcywh[:, :2] - half, cxcywh[:, :2] + half])


def scale_to_pixels(xyxy: FloatArray, space: Space, image_sizes: FloatArray) -> FloatArray:
    """Absolute pixels of boxes in `space`.

    Args:
        xyxy: `(N, 4)`.
        space: `pixels`, `unit` (`[0, 1]`) or `grid1000` (0 to 1000).
        image_sizes: `(N, 2)` width and height of the frame that each box was drawn in.
    """
    if space == "pixels":
        return xyxy
    return xyxy * np.tile(image_sizes, 2) / _SPANS[space]


def is_in_displayed_frame(
    orientation: IntArray, declared_sizes: IntArray, stored_sizes: IntArray
) -> BoolArray:
    """`(N,)` whether a record's boxes were drawn on the turned image, and not on the stored one.

    So where the width and height that the source declares are the turned size, and not the stored
    size; a square image, or an orientation that leaves the size as it is, gives no sign, and then
    they were not.

    Args:
        orientation: `(N,)` EXIF orientation, 1 to 8.
        declared_sizes: `(N, 2)` width and height as the source's columns say, 0 where they do not.
        stored_sizes: `(N, 2)` width and height of the stored frame.
    """
    swaps: BoolArray = _SWAPS_AXES[orientation]
    if not swaps.any():
        return swaps
    turned = (declared_sizes == stored_sizes[:, ::-1]).all(axis=1)
    stored = (declared_sizes == stored_sizes).all(axis=1)
    result: BoolArray = swaps & turned & ~stored
    return result


def turn_to_stored(xyxy: FloatArray, orientation: IntArray, stored_sizes: FloatArray) -> FloatArray:
    """Boxes in the stored frame, from boxes drawn on the image as viewers display it.

    Exact for integers; an inverted box stays inverted.

    Args:
        xyxy: `(N, 4)` pixels of the displayed frame.
        orientation: `(N,)` EXIF orientation of each box's image, 1 to 8.
        stored_sizes: `(N, 2)` width and height of each box's stored frame.
    """
    corners = xyxy.reshape(-1, 2, 2)  # box, corner, axis
    corners = np.where(_SWAPS_AXES[orientation, None, None], corners[:, :, ::-1], corners)
    flips = np.stack([_FLIPS_X[orientation], _FLIPS_Y[orientation]], axis=1)[:, None, :]
    mirrored = stored_sizes[:, None, :] - corners[:, ::-1, :]
    return np.where(flips, mirrored, corners).reshape(-1, 4)


def clean(xyxy: FloatArray, image_sizes: FloatArray) -> Cleaned:
    """Clips boxes to their images and names the dead ones.

    Args:
        xyxy: `(N, 4)` pixels, anything at all: NaN, infinite, inverted, outside.
        image_sizes: `(N, 2)` width and height of each box's image, pixels.
    """
    sound = _is_inside(xyxy, image_sizes)
    inside = xyxy + 0.0  # a copy, where -0.0 is 0
    reason = np.zeros(len(xyxy), dtype=np.int8)
    others = np.flatnonzero(~sound)  # few, as a rule
    inside[others], reason[others] = _clip(xyxy[others], image_sizes[others])
    keep = reason == 0
    return Cleaned(inside, keep, reason, keep & ~sound)


def _is_inside(xyxy: FloatArray, image_sizes: FloatArray) -> BoolArray:
    """`(N,)` whether a box has area, and is wholly inside its image."""
    (x1, y1, x2, y2), (width, height) = xyxy.T, image_sizes.T
    inside: BoolArray = (x1 >= 0) & (x1 < x2) & (x2 <= width)
    inside &= (y1 >= 0) & (y1 < y2) & (y2 <= height)
    return inside


def _clip(xyxy: FloatArray, image_sizes: FloatArray) -> tuple[FloatArray, NDArray[np.int8]]:
    """Boxes clipped to their images, and why each is dead; 0 where it is not."""
    inside = np.clip(xyxy, 0, np.tile(image_sizes, 2))
    x1, y1, x2, y2 = xyxy.T
    left, top, right, bottom = inside.T
    reason = np.zeros(len(xyxy), dtype=np.int8)
    reason[(right <= left) | (bottom <= top)] = _OUTSIDE
    reason[(x2 == x1) | (y2 == y1)] = _ZERO_AREA
    reason[(x2 < x1) | (y2 < y1)] = _INVERTED
    reason[~np.isfinite(xyxy).all(axis=1)] = _NOT_FINITE
    return inside, reason
