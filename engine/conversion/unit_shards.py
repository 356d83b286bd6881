"""The shards of one unit while they are written: which record goes where, and the files of each."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from groundray.engine.behind import Behind
from groundray.engine.plan import Unit
from groundray.engine.records import IntArray
from groundray.engine.shards import UnitWriter, counted_name, file_stem, shard_name
from groundray.engine.storage import Buffer
from groundray.engine.truth import TruthWriter

TO_ROOT = "../../"
"""From the folder of a shard, of any kind, to OUTPUT."""


class UnitShards:
    """Shards are numbered by their place in `Unit.shards`: the slot.

    Lines and truth are written behind (`Behind`), images at once.

    Args:
        writer: of the unit.
        unit: what is written.
        splits: of the selection; outcomes are indices into it.
        num_shards: split -> total.
        formats: names.
    """

    def __init__(
        self,
        writer: UnitWriter,
        unit: Unit,
        *,
        splits: Sequence[str],
        num_shards: Mapping[str, int],
        formats: Sequence[str],
    ) -> None:
        self._writer = writer
        self._shards = unit.shards
        self._num_shards = num_shards
        self._names = [
            shard_name(shard.split, shard.index, num_shards[shard.split]) for shard in unit.shards
        ]
        self._image_folders = [f"images/{name}" for name in self._names]
        self._first_slot: dict[int, int] = {}
        self._ends: dict[int, IntArray] = {}  # chosen records up to the end of each shard
        self._seen: dict[int, int] = {}
        own = [shard.split for shard in unit.shards]
        for outcome, split in enumerate(splits):
            if split in own:
                self._first_slot[outcome] = own.index(split)
                self._ends[outcome] = np.cumsum(
                    [s.records for s in unit.shards if s.split == split]
                )
                self._seen[outcome] = 0
        self._image_names: list[dict[str, str]] = [{} for _ in own]
        self._truth = [TruthWriter(writer.sink(self._truth_path(slot))) for slot in range(len(own))]
        self._unfinished = set(range(len(own)))
        self._behind = Behind()
        for slot in range(len(own)):
            for name in formats:
                self.write_lines(slot, name, b"", 0)

    def assign(self, outcome: IntArray) -> IntArray:
        """`(N,)` slot of the next N records of the unit, -1 where they are not chosen."""
        slots = np.full(len(outcome), -1, dtype=np.int64)
        for code, ends in self._ends.items():
            mine = np.flatnonzero(outcome == code)
            places = self._seen[code] + np.arange(len(mine))
            slots[mine] = self._first_slot[code] + np.searchsorted(ends, places, side="right")
            self._seen[code] += len(mine)
        return slots

    def image_name(self, slot: int, key: str) -> str:
        """File name of an image; two keys never share one in a shard, whatever the disk.

        Names that differ only in case are one file on some disks; other characters are ASCII.
        """
        names = self._image_names[slot]
        stem = file_stem(key)
        while names.setdefault(stem.lower(), key) != key:
            stem += "_"
        return f"{stem}.jpg"

    def image_folder(self, slot: int) -> str:
        """Folder of a shard's images, relative to OUTPUT."""
        return self._image_folders[slot]

    def write_image(self, slot: int, name: str, data: Buffer) -> None:
        """Writes an image file."""
        self._writer.write_image(self.image_folder(slot), name, data)

    def remove_image(self, slot: int, name: str) -> None:
        """Takes an image file back."""
        self._writer.remove_image(self.image_folder(slot), name)

    def write_truth(self, slot: int, table: pa.Table) -> None:
        """Adds records to a truth file."""
        self._behind.call(self._truth[slot].write, table)
        self._behind.call(self._writer.append, self._truth_path(slot), b"", lines=len(table))

    def write_lines(self, slot: int, format_name: str, data: Buffer, num_lines: int) -> None:
        """Adds examples, as lines with their newlines, to the shard of a format."""
        split = self._shards[slot].split
        name = counted_name(split, self._shards[slot].index, self._num_shards[split])
        path = f"{format_name}/{split}/{name}.jsonl"
        self._behind.call(self._writer.append, path, data, lines=num_lines)

    def write_reject(self, slot: int, line: bytes) -> None:
        """Adds to the rejects of a shard; a shard without any has no such file."""
        path = f"rejects/{self._names[slot]}.jsonl"
        self._behind.call(self._writer.append, path, line, lines=1)

    def complete_truth(self) -> None:
        """Completes the truth of shards whose records were all assigned, and written or rejected.

        So it is encoded while others are made, and not all of it at the end of the unit.
        """
        for code, ends in self._ends.items():
            first = self._first_slot[code]
            full = first + int(np.searchsorted(ends, self._seen[code], side="right"))
            self._finish(self._unfinished.intersection(range(first, full)))

    def _finish(self, slots: set[int]) -> None:
        for slot in sorted(slots):
            self._behind.call(self._truth[slot].close)
        self._unfinished -= slots

    def __enter__(self) -> "UnitShards":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Completes the files; where something went wrong, only lets go of them."""
        try:
            if kind is None:
                self._finish(self._unfinished)
                self._behind.settle()
        finally:
            self._behind.wait()
            for truth in self._truth:
                truth.let_go()

    def _truth_path(self, slot: int) -> str:
        return f"truth/{self._shards[slot].split}/{self._names[slot]}.parquet"
