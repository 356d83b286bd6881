"""Coordinate spaces: `(N, 4)` pixels to the numbers that a model family writes, and back."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from groundray.formats.base import FloatArray, IntArray

Rounding = Literal["half_even", "floor"]
Order = Literal["xyxy", "yxyx"]

# Rows computed at a time, so that the scratch column stays in a core's cache: a million boxes take
# 15 ms (2026, one core), and no temporary array grows with their number.
BLOCK = 16384

_ROUND: Mapping[Rounding, Callable[..., FloatArray]] = MappingProxyType(
    {"half_even": np.rint, "floor": np.floor}
)


def blocks(count: int) -> Iterator[slice]:
    """Rows of `count`, `BLOCK` at a time; the last slice may reach beyond them."""
    return (slice(start, start + BLOCK) for start in range(0, count, BLOCK))


class Codec(Protocol):
    """A coordinate space.

    A codec may also have `order`, how the numbers of an object are ordered (`xyxy` without it),
    `geometry` (see `groundray.formats.geometry`), and `tolerance_steps`, how far an edge that was
    encoded and decoded may be off, in steps of what its numbers can express (0.5 without it).

    Attributes:
        space: short name for tables, such as `grid1000`.
    """

    @property
    def space(self) -> str: ...  # noqa: D102

    def encode(self, xyxy: FloatArray, image_sizes: FloatArray) -> NDArray[np.generic]:
        """`(N, 4)` pixels and `(N, 2)` (width, height) to `(N, K)` wire numbers."""
        ...

    def decode(self, wire: NDArray[np.generic], image_size: tuple[float, float]) -> FloatArray:
        """`(N, K)` wire numbers, in range or not, to `(N, 4)` pixels."""
        ...


@dataclass(frozen=True, slots=True)
class Grid:
    """Integers on a grid laid over the image, each axis by itself.

    A value is `round(x / width * steps)`, in that order of operations, as official code has it:
    x=203 of width=400 is 507, where `x * steps / width` would give 508.

    Attributes:
        steps: what the far edge of the image is divided into.
        rounding: `half_even` is Python's `round`; `floor` cuts.
        highest: encoded values are clamped to `0..highest`; None for `steps`.
        order: `yxyx` writes y first.
        precision: `single` multiplies and rounds in float32, as code on tensors does.
    """

    steps: int = 1000
    rounding: Rounding = "half_even"
    highest: int | None = None
    order: Order = "xyxy"
    precision: Literal["double", "single"] = "double"

    @property
    def space(self) -> str:
        """`grid1000`."""
        return f"grid{self.steps}"

    @property
    def tolerance_steps(self) -> float:
        """How far an edge that was encoded and decoded may be off, in steps."""
        whole = self.highest is None or self.highest >= self.steps
        return 0.5 if self.rounding == "half_even" and whole else 1.0

    def encode(self, xyxy: FloatArray, image_sizes: FloatArray) -> IntArray:
        """`(N, 4)` integers of `(N, 4)` pixels in images of `(N, 2)` width and height."""
        highest = self.steps if self.highest is None else self.highest
        to_integer = _ROUND[self.rounding]
        wire = np.empty((len(xyxy), 4), dtype=np.int64)
        columns = _COLUMNS[self.order]
        scratch = np.empty(BLOCK, dtype=np.float32 if self.precision == "single" else np.float64)
        for rows in blocks(len(xyxy)):
            values = scratch[: len(xyxy[rows])]
            for column, side in enumerate((0, 1, 0, 1)):
                np.divide(xyxy[rows, column], image_sizes[rows, side], out=values)
                np.multiply(values, self.steps, out=values)
                to_integer(values, out=values)
                np.maximum(values, 0, out=values)
                np.minimum(values, highest, out=values)
                wire[rows, columns[column]] = values
        return wire

    def decode(self, wire: NDArray[np.generic], image_size: tuple[float, float]) -> FloatArray:
        """`(N, 4)` pixels; a value beyond the grid lands beyond the image and is not mended."""
        width, height = image_size
        values = np.asarray(wire, dtype=np.float64).reshape(-1, 4)[:, _COLUMNS[self.order]]
        return values / self.steps * np.array([width, height, width, height], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins of equal width, each axis by itself: a value is the bin that it lies in.

    A bin is `floor(x / (width / count))`, in that order of operations, and decodes to its middle.

    Attributes:
        count: bins along each axis; the far edge of the image belongs to the last of them.
    """

    count: int = 1000

    @property
    def space(self) -> str:
        """`bins1000`."""
        return f"bins{self.count}"

    def encode(self, xyxy: FloatArray, image_sizes: FloatArray) -> IntArray:
        """`(N, 4)` integers of `(N, 4)` pixels in images of `(N, 2)` width and height."""
        wire = np.empty((len(xyxy), 4), dtype=np.int64)
        for rows in blocks(len(xyxy)):
            values = np.floor(xyxy[rows] / np.tile(image_sizes[rows] / self.count, 2))
            wire[rows] = np.clip(values, 0, self.count - 1)
        return wire

    def decode(self, wire: NDArray[np.generic], image_size: tuple[float, float]) -> FloatArray:
        """`(N, 4)` pixels; a bin beyond the last lands beyond the image and is not mended."""
        values = np.asarray(wire, dtype=np.float64).reshape(-1, 4)
        return (values + 0.5) * (np.tile(np.array(image_size, dtype=np.float64), 2) / self.count)


# Where x1, y1, x2, y2 stand among the four numbers; swapping an axis pair is its own inverse.
_COLUMNS: Mapping[Order, tuple[int, int, int, int]] = MappingProxyType(
    {"xyxy": (0, 1, 2, 3), "yxyx": (1, 0, 3, 2)}
)
