"""Records: images with their annotations, as columns; made by sources, used by all else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from groundray.engine.texts import Texts

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Value = TypeVar("Value", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Records:
    """N records with M boxes between them; boxes of record i are `offsets[i]:offsets[i + 1]`.

    Attributes:
        row: `(N,)` row of the source file (counted over the whole file) that a record came from,
            the first one where it came from several.
        id: N ids, as text.
        image_key: N names for the image's file; records of one row share it.
        width, height: `(N,)` size as the source's columns say, 0 where they do not.
        offsets: `(N + 1,)` from 0 to M.
        xyxy: `(M, 4)` float64; in the space of the source (`Layout.space`) until the image's size
            is known, absolute pixels of the stored frame from then on.
        category: `(M,)` index into `names`, or -1 where the source's value names no class.
        names: class names.
        area: `(M,)` as the source says, NaN where it does not.
        iscrowd, difficult: `(M,)` flags, False where the source has none.
        query: N referring expressions, or None for detection.
    """

    row: IntArray
    id: "Texts"
    image_key: "Texts"
    width: IntArray
    height: IntArray
    offsets: IntArray
    xyxy: FloatArray
    category: IntArray
    names: Sequence[str]
    area: FloatArray
    iscrowd: BoolArray
    difficult: BoolArray
    query: list[str | None]

    def __len__(self) -> int:
        return len(self.id)

    @property
    def num_boxes(self) -> int:
        """Boxes of all records together."""
        return len(self.xyxy)

    @property
    def box_record(self) -> IntArray:
        """`(M,)` index of the record that each box belongs to."""
        return self.per_box(np.arange(len(self)))

    def per_box(self, values: NDArray[Value]) -> NDArray[Value]:
        """Values of the records, `(N, ...)`, as those of their boxes, `(M, ...)`."""
        return np.repeat(values, np.diff(self.offsets), axis=0)

    def take(self, keep: BoolArray) -> "Records":
        """The records where `keep`, `(N,)`, is true, with their boxes, in order."""
        if keep.all():
            return self
        chosen = np.flatnonzero(keep)
        if len(chosen) and chosen[-1] - chosen[0] == len(chosen) - 1:
            return self._slice(int(chosen[0]), int(chosen[-1]) + 1)
        counts = np.diff(self.offsets)
        boxes = np.repeat(keep, counts)
        return replace(
            self,
            row=self.row[chosen],
            id=self.id.take(chosen),
            image_key=self.image_key.take(chosen),
            width=self.width[chosen],
            height=self.height[chosen],
            offsets=offsets_of(counts[chosen]),
            xyxy=self.xyxy[boxes],
            category=self.category[boxes],
            area=self.area[boxes],
            iscrowd=self.iscrowd[boxes],
            difficult=self.difficult[boxes],
            query=[self.query[i] for i in chosen.tolist()],
        )

    def _slice(self, start: int, stop: int) -> "Records":
        """Records `[start, stop)`, without copying their arrays."""
        first, last = int(self.offsets[start]), int(self.offsets[stop])
        return replace(
            self,
            row=self.row[start:stop],
            id=self.id[start:stop],
            image_key=self.image_key[start:stop],
            width=self.width[start:stop],
            height=self.height[start:stop],
            offsets=self.offsets[start : stop + 1] - first,
            xyxy=self.xyxy[first:last],
            category=self.category[first:last],
            area=self.area[first:last],
            iscrowd=self.iscrowd[first:last],
            difficult=self.difficult[first:last],
            query=self.query[start:stop],
        )

    def take_boxes(self, keep: BoolArray) -> "Records":
        """All records, with only the boxes where `keep`, `(M,)`, is true."""
        if keep.all():
            return self
        kept_before = np.concatenate([[0], np.cumsum(keep)])
        return replace(
            self,
            offsets=kept_before[self.offsets],
            xyxy=self.xyxy[keep],
            category=self.category[keep],
            area=self.area[keep],
            iscrowd=self.iscrowd[keep],
            difficult=self.difficult[keep],
        )


def offsets_of(counts: IntArray) -> IntArray:
    """`(N + 1,)` offsets of lists with `counts` elements, `(N,)`."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
