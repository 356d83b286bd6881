"""Coordinate spaces of other shapes than boxes: points, and four corners."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from groundray.formats.base import FloatArray, IntArray
from groundray.formats.codecs import Grid
from groundray.formats.geometry import Geometry, centres


@dataclass(frozen=True, slots=True)
class PercentPoints:
    """Centres of boxes in percent of the image, as decimals.

    A value is `round(x / (width / 100), decimals)`, in that order of operations, with numpy's
    rounding: half to even of the scaled value.

    Attributes:
        decimals: digits after the point.
    """

    decimals: int = 1

    @property
    def space(self) -> str:
        """`percent`, with one digit of decimals, say, as `percent.1`."""
        return f"percent.{self.decimals}"

    @property
    def order(self) -> str:
        """How the numbers of an object are ordered."""
        return "xy"

    @property
    def geometry(self) -> Geometry:
        """See `groundray.formats.geometry`."""
        return "point"

    def encode(self, xyxy: FloatArray, image_sizes: FloatArray) -> FloatArray:
        """`(N, 2)` percents, 0 to 100, of the centres of `(N, 4)` boxes."""
        percents = centres(xyxy)[:, :2] / (image_sizes / 100)
        return np.round(percents, self.decimals, out=percents)

    def decode(self, wire: NDArray[np.generic], image_size: tuple[float, float]) -> FloatArray:
        """`(N, 4)` boxes without size."""
        points = np.asarray(wire, dtype=np.float64).reshape(-1, 2) / 100 * np.array(image_size)
        return np.tile(points, 2)


# Upper left, upper right, lower right, lower left: which edge of xyxy gives each number.
_CORNERS = (0, 1, 2, 1, 2, 3, 0, 3)


@dataclass(frozen=True, slots=True)
class Corners:
    """The four corners of a box, clockwise from the upper left, on a grid.

    Attributes:
        grid: where the corners lie; its order is x first.
    """

    grid: Grid

    @property
    def space(self) -> str:
        """That of the grid."""
        return self.grid.space

    @property
    def order(self) -> str:
        """How the numbers of an object are ordered."""
        return "xyxyxyxy"

    @property
    def geometry(self) -> Geometry:
        """See `groundray.formats.geometry`."""
        return "quad"

    @property
    def tolerance_steps(self) -> float:
        """That of the grid."""
        return self.grid.tolerance_steps

    def encode(self, xyxy: FloatArray, image_sizes: FloatArray) -> IntArray:
        """`(N, 8)` integers of `(N, 4)` boxes."""
        return self.grid.encode(xyxy, image_sizes)[:, _CORNERS]

    def decode(self, wire: NDArray[np.generic], image_size: tuple[float, float]) -> FloatArray:
        """`(N, 4)` boxes that enclose the corners, in whatever order these stand."""
        points = np.asarray(wire, dtype=np.float64).reshape(-1, 4, 2)
        return self.grid.decode(np.hstack([points.min(axis=1), points.max(axis=1)]), image_size)
