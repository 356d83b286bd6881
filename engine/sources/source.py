"""Source: files of a data set and what their columns mean, as plain data to send to a worker."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from groundray.engine.records import IntArray
from groundray.engine.sources.class_tables import COCO91_NUMBERS
from groundray.engine.sources.layout import Layout
from groundray.engine.sources.places import protocol_of
from groundray.formats.tasks import Task


class UnreadableFile(NamedTuple):
    """A parquet file that is left out, and why."""

    relative: str
    reason: str


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One parquet file.

    Attributes:
        url: what a worker opens: an absolute local path, or an fsspec URL (which may hold secrets).
        relative: "/"-separated path below its INPUT.
        scope: what its ids begin with where there are several INPUTs, else None.
        split: train, val, test, testA, testB, or a name of the data set's own.
        size_bytes: of the whole file.
        footer_sha256: of the parquet footer, in hexadecimal.
        version: changes whenever the file is written; None where its store tells no such thing. It
            notices what size and footer do not show, and counts for nothing else.
        row_groups: rows in each row group.
        stem: what the ids of rows without one begin with; unique within the source.
        dataset: path or URL of the data set's root, where a search for image files ends; empty
            where paths of images are ours, and lead wherever they lead.
    """

    url: str = field(repr=False)
    relative: str
    scope: str | None
    split: str
    size_bytes: int
    footer_sha256: str
    version: str | None
    row_groups: tuple[int, ...]
    stem: str
    dataset: str = field(repr=False)

    @property
    def num_rows(self) -> int:
        """Rows of all row groups."""
        return sum(self.row_groups)

    @property
    def is_remote(self) -> bool:
        """Whether every read of it waits for a network."""
        return protocol_of(self.url) is not None


@dataclass(frozen=True, slots=True)
class Source:
    """A data set that can be read.

    Attributes:
        layout: what the columns mean.
        reason: why: where each piece of the layout was found, for people, a line a piece.
        names: names of the classes that count, by id; None where they are found in the data.
        files: sorted by INPUT, then by path.
        unreadable: files that are left out.
        task: what records are made for.
        image_root: path or URL of the only folder where image files are looked for, if given.
    """

    layout: Layout
    reason: str
    names: tuple[str, ...] | None
    files: tuple[SourceFile, ...]
    unreadable: tuple[UnreadableFile, ...]
    task: Task
    image_root: str | None = field(default=None, repr=False)

    @property
    def num_rows(self) -> int:
        """Rows of all files."""
        return sum(file.num_rows for file in self.files)

    def without_files(self) -> "Source":
        """What the columns mean, and nothing that grows with the number of files."""
        return replace(self, reason="", files=(), unreadable=())

    @property
    def has_plain_numbers(self) -> bool:
        """Whether a class number is an index into `names` as it stands."""
        layout = self.layout
        return self.names == layout.names and layout.id_offset == 0 and layout.id_table is None

    @property
    def class_lookup(self) -> IntArray:
        """`(K,)` index into `names` of each class number from 0; -1 where there is none."""
        names = self.layout.names or ()
        plain = range(self.layout.id_offset, self.layout.id_offset + len(names))
        numbers = plain if self.layout.id_table is None else COCO91_NUMBERS
        index = {name: i for i, name in enumerate(self.names or ())}
        lookup = np.full(max(numbers, default=-1) + 1, -1, dtype=np.int64)
        for number, name in zip(numbers, names, strict=False):
            lookup[number] = index.get(name, -1)
        return lookup
