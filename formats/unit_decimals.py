"""Coordinate space of models that write shares of the image: `0.228,0.320,0.961,0.970`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from groundray.formats.base import FloatArray
from groundray.formats.codecs import blocks

# Splits a float64 into halves whose products are exact (Veltkamp).
_SPLITTER = 2.0**27 + 1


@dataclass(frozen=True, slots=True)
class UnitDecimals:
    """Decimals from 0 to 1, each axis by itself.

    A value is `round(x / width, decimals)` clamped to 0..1, with Python's `round`, which is exact:
    it rounds the binary number itself and not its product with 1000.

    Attributes:
        decimals: digits after the point, up to six.
        square: the image is padded to a square first, the same on both sides, less half a pixel.
    """

    decimals: int = 3
    square: bool = False

    @property
    def space(self) -> str:
        """`unit.3`, with a note where the image is padded."""
        return f"unit.{self.decimals}" + (" square" if self.square else "")

    def encode(self, xyxy: FloatArray, image_sizes: FloatArray) -> FloatArray:
        """`(N, 4)` decimals of `(N, 4)` pixels in images of `(N, 2)` width and height."""
        wire = np.empty((len(xyxy), 4))
        for rows in blocks(len(xyxy)):
            padding, sides = self._frame(image_sizes[rows])
            shares = (xyxy[rows] + np.tile(padding, 2)) / np.tile(sides, 2)
            wire[rows] = _rounded(np.minimum(np.maximum(shares, 0), 1), self.decimals)
        return wire

    def decode(self, wire: NDArray[np.generic], image_size: tuple[float, float]) -> FloatArray:
        """`(N, 4)` pixels; a value beyond 1 lands beyond the image and is not mended."""
        padding, sides = self._frame(np.array([image_size], dtype=np.float64))
        values = np.asarray(wire, dtype=np.float64).reshape(-1, 4)
        decoded: FloatArray = values * np.tile(sides, 2) - np.tile(padding, 2)
        return decoded

    def _frame(self, image_sizes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """`(N, 2)` padding before the image, and sides of what is seen."""
        if not self.square:
            return np.zeros_like(image_sizes), image_sizes
        sides = np.repeat(image_sizes.max(axis=1, keepdims=True), 2, axis=1)
        return np.floor((sides - image_sizes) / 2), sides


def _rounded(values: FloatArray, decimals: int) -> FloatArray:
    """Values from 0 to 1 rounded to decimals, as Python's `round` does it.

    A product that lies between two integers, as float64 has it, may be a little off: what it lacks
    decides, and where it lacks nothing the even neighbour is the nearest.
    """
    scale = 10.0**decimals
    products = values * scale
    whole = np.floor(products)
    up = products - whole
    high = values * _SPLITTER
    high = high - (high - values)
    lacking = (high * scale - products) + (values - high) * scale
    halves = np.where(lacking == 0, whole % 2 == 1, lacking > 0)
    rounded: FloatArray = (whole + np.where(up == 0.5, halves, up > 0.5)) / scale
    return rounded
