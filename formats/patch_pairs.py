"""A box as two patches of the image: a code of the whole box, not of each edge by itself."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from groundray.formats.base import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class PatchPairs:
    """Numbers of the patches that a box begins and ends in, counted row by row.

    The image is cut into `side` by `side` patches. The upper left corner lies in patch
    `floor(v * side)` of each axis, the lower right one in `ceil(v * side - 1)`, so that a box that
    ends at the border of a patch does not reach into the next. A pair decodes to the centres of its
    patches; if both lie in one row or column, to their outer edges, on both axes.

    A box without area, which official code refuses, ends in the patch that it begins in.

    Attributes:
        side: patches along each axis.
    """

    side: int = 32

    @property
    def space(self) -> str:
        """`patches32`."""
        return f"patches{self.side}"

    @property
    def order(self) -> str:
        """How the numbers of an object are ordered."""
        return "first, last"

    @property
    def tolerance_steps(self) -> float:
        """An edge comes back within a patch: half of one, but for boxes in one row or column."""
        return 1.0

    def encode(self, xyxy: FloatArray, image_sizes: FloatArray) -> IntArray:
        """`(N, 2)` numbers of patches of `(N, 4)` boxes."""
        first = np.floor(xyxy[:, :2] / image_sizes * self.side)
        last = np.ceil(xyxy[:, 2:] / image_sizes * self.side - 1)
        first = np.clip(first, 0, self.side - 1)
        last = np.clip(np.maximum(last, first), 0, self.side - 1)
        x, y = np.stack([first, last], axis=-1).astype(np.int64).swapaxes(0, 1)
        fused: IntArray = y * self.side + x
        return fused

    def decode(self, wire: NDArray[np.generic], image_size: tuple[float, float]) -> FloatArray:
        """`(N, 4)` pixels; a number beyond the last patch lands below the image."""
        pairs = np.asarray(wire, dtype=np.float64).reshape(-1, 2)
        x, y = np.mod(pairs, self.side), np.floor_divide(pairs, self.side)
        aligned = (x[:, 0] == x[:, 1]) | (y[:, 0] == y[:, 1])
        inset = np.where(aligned, 0, 0.5)
        first = np.stack([x[:, 0], y[:, 0]], axis=1) + inset[:, np.newaxis]
        last = np.stack([x[:, 1], y[:, 1]], axis=1) + 1 - inset[:, np.newaxis]
        patches: FloatArray = np.hstack([first, last]) / self.side
        return patches * np.tile(np.array(image_size, dtype=np.float64), 2)
