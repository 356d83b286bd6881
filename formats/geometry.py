"""What a format says of an object: its box, a point in it, or four corners around it.

A format that writes no boxes has an attribute `geometry`; without it, it writes boxes.
"""

from typing import Literal, get_args

import numpy as np

from groundray.formats.base import BoxFormat, FloatArray
from groundray.formats.errors import FormatError

Geometry = Literal["box", "point", "quad"]
"""box: four edges. point: the box's centre, decoded as a box without size, and scored by whether it
lies in the target. quad: four corners, decoded as the box that encloses them."""


def geometry_of(format_: BoxFormat) -> Geometry:
    """The geometry of a format: its attribute `geometry`, or `box` where it has none.

    Raises:
        FormatError: the attribute is none of the three.
    """
    geometry: Geometry = getattr(format_, "geometry", "box")
    if geometry not in get_args(Geometry):
        raise FormatError(
            f"format {format_.name!r} has geometry {geometry!r}; it must be one of: "
            f"{', '.join(get_args(Geometry))}"
        )
    return geometry


def centres(xyxy: FloatArray) -> FloatArray:
    """`(N, 4)` boxes without size, x, y, x, y, at the centres of boxes."""
    return np.tile((xyxy[:, :2] + xyxy[:, 2:]) / 2, 2)


def sayable(xyxy: FloatArray, geometry: Geometry) -> FloatArray:
    """`(N, 4)` of what a format of this geometry can say of boxes, less its rounding."""
    return centres(xyxy) if geometry == "point" else xyxy
