"""Coordinate space of models that count the pixels of the image as they see it, after resizing.

Which size that is depends on who resizes: the trainer, or the server, may shrink an image before
the model's own processor fits it to its patches.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from groundray.formats.base import FloatArray, IntArray
from groundray.formats.codecs import blocks

TRAINER_MAX_PIXELS = 768 * 768
"""PaddleFormers' trainer shrinks larger images to this area before the model's processor.

Source: PaddleFormers 1.2.0, paddleformers/datasets/template/mm_plugin.py."""

# The same trainer, for images that no smart_resize would take or that are hardly any.
_TRAINER_MIN_PIXELS = 32 * 32
_TRAINER_MIN_SIDE = 28
_MAX_RATIO = 200
_TRAINER_RATIO = 180


@dataclass(frozen=True, slots=True)
class ResizedPixels:
    """Integer pixels of the resized image.

    A value is `round(x * (resized_width / width))`, in float64, in that order of operations and
    half to even, clamped to `0..resized_width - 1`.

    Attributes:
        factor: both sides of the resized image are multiples of it.
        min_pixels: area that the model's processor enlarges smaller images to.
        limit_pixels: area that it shrinks larger images to.
        max_pixels: area that larger images are shrunk to before they come to the processor, as
            PaddleFormers' trainer does it; None where nobody does.
    """

    factor: int = 28
    min_pixels: int = 56 * 56
    limit_pixels: int = 16384 * 28 * 28
    max_pixels: int | None = TRAINER_MAX_PIXELS

    @property
    def space(self) -> str:
        """`resized28`."""
        return f"resized{self.factor}"

    @property
    def tolerance_steps(self) -> float:
        """How far an edge that was encoded and decoded may be off: a step where it is clamped."""
        return 1.0

    def for_max_pixels(self, max_pixels: int | None) -> "ResizedPixels":
        """The space of images that are first shrunk to an area; None for the model's own limit."""
        return replace(self, max_pixels=max_pixels)

    def encode(self, xyxy: FloatArray, image_sizes: FloatArray) -> IntArray:
        """`(N, 4)` integers of `(N, 4)` pixels in images of `(N, 2)` width and height."""
        wire = np.empty((len(xyxy), 4), dtype=np.int64)
        for rows in blocks(len(xyxy)):
            resized = self.resized(image_sizes[rows])
            values = np.rint(xyxy[rows] * np.tile(resized / image_sizes[rows], 2))
            wire[rows] = np.maximum(np.minimum(values, np.tile(resized - 1, 2)), 0)
        return wire

    def decode(self, wire: NDArray[np.generic], image_size: tuple[float, float]) -> FloatArray:
        """`(N, 4)` pixels; a value beyond the resized image is not mended."""
        size = np.array([image_size], dtype=np.float64)
        values = np.asarray(wire, dtype=np.float64).reshape(-1, 4)
        decoded: FloatArray = values / np.tile(self.resized(size), 2) * np.tile(size, 2)
        return decoded

    def resized(self, image_sizes: FloatArray) -> FloatArray:
        """`(N, 2)` width and height of the images as the model sees them.

        The processor refuses images more than 200 times as long as wide; here they are computed as
        if it did not.
        """
        sizes = np.asarray(image_sizes, dtype=np.float64)
        if self.max_pixels is not None:
            sizes = _as_the_trainer(sizes, self.max_pixels)
        fitted = np.rint(sizes / self.factor) * self.factor
        area = fitted[:, :1] * fitted[:, 1:]
        pixels = sizes[:, :1] * sizes[:, 1:]
        down = np.sqrt(pixels / self.limit_pixels)
        shrunk = np.maximum(np.floor(sizes / down / self.factor) * self.factor, self.factor)
        grown = np.ceil(sizes * np.sqrt(self.min_pixels / pixels) / self.factor) * self.factor
        small = np.where(area < self.min_pixels, grown, fitted)
        return np.where(area > self.limit_pixels, shrunk, small)


def _as_the_trainer(sizes: FloatArray, max_pixels: int) -> FloatArray:
    """Sizes that PaddleFormers' Qwen2-VL plugin hands to the processor."""
    sizes = _scaled_to(max_pixels, sizes, sizes[:, 0] * sizes[:, 1] > max_pixels)
    sizes = _scaled_to(_TRAINER_MIN_PIXELS, sizes, sizes[:, 0] * sizes[:, 1] < _TRAINER_MIN_PIXELS)
    sizes = np.maximum(sizes, _TRAINER_MIN_SIDE)
    for side in (0, 1):
        other = sizes[:, 1 - side]
        long = sizes[:, side] / other > _MAX_RATIO
        sizes[:, side] = np.where(long, other * _TRAINER_RATIO, sizes[:, side])
    return sizes


def _scaled_to(area: int, sizes: FloatArray, chosen: NDArray[np.bool_]) -> FloatArray:
    """Sizes of which some are scaled to an area, with whole sides, cut and not rounded."""
    factor = np.sqrt(area / (sizes[:, :1] * sizes[:, 1:]))
    scaled: FloatArray = np.where(chosen[:, None], np.floor(sizes * factor), sizes)
    return scaled
