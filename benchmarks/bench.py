"""A run of the benchmarks: where it works, how often it measures, what its tables look like."""

import os
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.measure import Measured

SAMPLE = Path(__file__).parents[1] / "tests/data/coco_small_ccby"

_SPARE = 1.05  # of the bytes that are asked for: a file fills whole blocks
_MEMORY_KEPT = 4 * 2**30  # for the processes, where outputs lie in memory
_IN_MEMORY = ("tmpfs", "ramfs")


@dataclass(frozen=True, slots=True)
class Bench:
    """How to measure.

    Attributes:
        work: folder for data and outputs.
        runs: of each command; tables show medians.
        quick: whether sizes are cut to a tenth, to see that everything runs.
    """

    work: Path
    runs: int
    quick: bool
    _numbers: "count[int]" = field(default_factory=count)
    _written: list[Path] = field(default_factory=list)

    def size(self, full: int) -> int:
        """`full`, or a tenth of it in a quick run."""
        return full // 10 if self.quick else full

    def sizes(self, full: Sequence[int]) -> list[int]:
        """All of `full`, or a tenth of every other one, the largest among them, in a quick run."""
        return [self.size(size) for size in (full[::-2][::-1] if self.quick else full)]

    def fresh(self) -> Path:
        """A path that nothing was written to.

        Outputs stay until the end on a disk, where creating files after many were deleted is up to
        20 times slower. In memory it is not, and space is short: the one before is deleted.
        """
        if self.is_in_memory:
            for written in self._written:
                shutil.rmtree(written, ignore_errors=True)
            self._written.clear()
        self._written.append(self.work / f"out-{next(self._numbers)}")
        return self._written[-1]

    def fits(self, data_bytes: float, outputs: int) -> bool:
        """Whether data of a size, and outputs of the same size, have room."""
        free = shutil.disk_usage(self.work).free
        if self.is_in_memory:
            free = min(free, psutil.virtual_memory().available - _MEMORY_KEPT)
            outputs = 1
        return free > data_bytes * (1 + outputs) * _SPARE

    def check_fits(self, data_bytes: float, outputs: int) -> None:
        """Ends the run where `fits` says no."""
        if not self.fits(data_bytes, outputs):
            sys.exit(
                f"{self.work}: no room for {data_bytes * (1 + outputs) / 1e9:.0f} GB; "
                "give another --work, or fewer --runs"
            )

    @property
    def is_in_memory(self) -> bool:
        """Whether the work folder is on a file system that is no disk."""
        return self.file_system in _IN_MEMORY

    @property
    def file_system(self) -> str:
        """The name of the work folder's, such as `ext4`."""
        mounts = {each.mountpoint: each.fstype for each in psutil.disk_partitions(all=True)}
        folder = self.work.resolve()
        return next((mounts[str(at)] for at in (folder, *folder.parents) if str(at) in mounts), "?")

    def setting(self) -> str:
        """The machine and the way of measuring, in a line."""
        memory = psutil.virtual_memory().total / 2**30
        quick = "a quick run: sizes a tenth, figures mean nothing; " if self.quick else ""
        medians = f"medians of {self.runs} runs" if self.runs > 1 else "one run"
        return (
            f"{quick}{os.cpu_count()} cores, {memory:.0f} GiB, Python "
            f"{platform.python_version()}, work folder on {self.file_system}; {medians}"
        )


class Table(NamedTuple):
    """A table that stands alone: what was measured, and a row for each command.

    Attributes:
        title: what of.
        columns: their headings.
        rows: cells as they are shown.
        note: what a reader has to know.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def to_markdown(self, setting: str) -> str:
        """The table under its title, with the setting that it was measured in."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        body = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        return "\n\n".join(filter(None, (f"### {self.title}", f"({setting})", self.note, body)))


COSTS = ("wall s", "CPU s", "memory MB, all processes", "the largest")


def costs(measured: Measured) -> list[str]:
    """The cells of `COSTS`."""
    return [
        seconds(measured.wall_s),
        seconds(measured.cpu_s),
        f"{measured.peak_bytes / 1e6:,.0f}",
        f"{measured.largest_bytes / 1e6:,.0f}",
    ]


def seconds(value: float) -> str:
    """Three digits that tell."""
    return f"{value:.1f}" if value >= 100 else f"{value:.3g}" if value >= 1 else f"{value:.2f}"


def ratio(value: float, base: float) -> str:
    """How many times the base."""
    return f"{value / base:.3f}" if value < base / 10 else f"{value / base:.2f}"
