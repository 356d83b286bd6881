"""What becomes of each record of a batch: written, left out or rejected, and counted once."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import orjson

from groundray.engine.records import IntArray
from groundray.engine.shards import Tally
from groundray.engine.sources import Keys
from groundray.formats.errors import GroundrayError


class RejectedError(GroundrayError):
    """With `on_error="raise"`: the first record that would have been rejected."""


class Reject(NamedTuple):
    """A record that no format writes, or that one (`format`) does not."""

    file: str
    row: int
    id: str
    format: str | None
    reason: str
    detail: str

    def to_json(self) -> bytes:
        """A line of rejects jsonl."""
        return orjson.dumps(self._asdict(), option=orjson.OPT_APPEND_NEWLINE)


@dataclass(slots=True)
class Fates:
    """The fates of one batch.

    Attributes:
        file: relative path of the source file.
        keys: all N records of the batch.
        slot: `(N,)` shard of the unit that each record belongs to, -1 where it was not chosen.
        raise_first: whether the first reject is raised.
    """

    file: str
    keys: Keys
    slot: IntArray
    raise_first: bool
    tally: Tally = field(default_factory=Counter)
    _gone: dict[int, str] = field(default_factory=dict)  # record -> where it is counted
    _rejects: list[tuple[int, Reject]] = field(default_factory=list)

    def reject(self, index: int, reason: str, detail: str) -> None:
        """No format writes this record."""
        self._note(index, None, reason, detail)
        self._gone[index] = f"rejected/{reason}"

    def refuse(self, index: int, format_name: str, reason: str, detail: str) -> None:
        """One format does not write this record; others do."""
        self._note(index, format_name, reason, detail)
        self.tally[f"formats/{format_name}/rejected/{reason}"] += 1

    def leave_out(self, index: int, reason: str) -> None:
        """This record is not written, by the user's own wish."""
        self._gone[index] = f"not_chosen/{reason}"

    def drop_boxes(self, reason: str, num_boxes: int) -> None:
        """So many boxes of written records are not written."""
        if num_boxes:
            self.tally[f"boxes/dropped/{reason}"] += num_boxes
            self.tally["boxes/written"] -= num_boxes

    def count(self, name: str, number: int) -> None:
        """Counts something else that happened."""
        if number:
            self.tally[name] += number

    def close(self) -> list[tuple[int, bytes]]:
        """Counts rows, records and boxes of every chosen record; (shard, line) of every reject."""
        written = self.slot >= 0
        written[list(self._gone)] = False
        self._count("written", np.flatnonzero(written))
        for fate in sorted(set(self._gone.values())):
            self._count(fate, np.array([i for i, its in self._gone.items() if its == fate]))
        self._rejects.sort(key=lambda noted: noted[0])
        return [(int(self.slot[index]), reject.to_json()) for index, reject in self._rejects]

    def _count(self, fate: str, indices: IntArray) -> None:
        if len(indices):
            self.tally[f"rows/{fate}"] += int(self.keys.num_rows[indices].sum())
            self.tally[f"records/{fate}"] += len(indices)
            self.tally[f"boxes/{fate}"] += int(self.keys.num_boxes[indices].sum())

    def _note(self, index: int, format_name: str | None, reason: str, detail: str) -> None:
        row, identity = int(self.keys.row[index]), str(self.keys.id[index])
        reject = Reject(self.file, row, identity, format_name, reason, detail)
        if self.raise_first:
            writer = f" for {format_name}" if format_name else ""
            raise RejectedError(
                f"{self.file}, row {row}, id {identity!r}: {reason}{writer}: {detail} "
                "(--on-error reject goes on, and lists it)"
            )
        self._rejects.append((index, reject))
