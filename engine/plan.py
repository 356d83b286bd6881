"""The plan: which records go into which shard, settled before any image is read.

A plan is pure data. It follows from the files and the options alone: not from the number of
workers, nor from the order of the command line. Making it reads ids and categories, never image
bytes.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from groundray.engine.records import IntArray
from groundray.engine.sampling import RankArray, rank, shuffle_pools
from groundray.engine.selection import (
    NOT_CHOSEN,
    Sampling,
    Selection,
    not_drawn,
    select_all,
    select_by_rank,
    warn_if_short,
)
from groundray.engine.sources import Keys, Source, SourceFile, UnreadableFile, read_keys
from groundray.formats.errors import DamagedError, SourceError

READERS = 8  # key columns are small: threads hide the latency of a store, and cost nothing locally


@dataclass(frozen=True, slots=True)
class Part:
    """Rows `[start, stop)` of a file; `drawn` lists the chosen ones where a shuffle chose them."""

    file: int
    start: int
    stop: int
    drawn: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Shard:
    """One output of every kind: its number within its split, and the records planned for it."""

    split: str
    index: int
    records: int


@dataclass(frozen=True, slots=True)
class Unit:
    """What one task reads, once, and the shards that it writes.

    Attributes:
        index: position in the plan.
        pool: split that its files belong to.
        parts: what it reads, in order.
        shards: by split, then index; each takes the next `records` chosen records of its split.
        repeats: (file, row, id) of chosen records whose id an earlier chosen record has.
    """

    index: int
    pool: str
    parts: tuple[Part, ...]
    shards: tuple[Shard, ...]
    repeats: frozenset[tuple[int, int, str]] = frozenset()


class Amount(NamedTuple):
    """So many rows of the source, records made of them, and boxes in those."""

    rows: int = 0
    records: int = 0
    boxes: int = 0

    def plus(self, other: "Amount") -> "Amount":
        """The sum, field by field."""
        return Amount(*(a + b for a, b in zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True)
class Plan:
    """Units in source order, and what was counted on the way.

    Attributes:
        source: what is read.
        unreadable: files that are left out, and why.
        selection: the rule by which records are chosen.
        units: every chosen record is in exactly one.
        num_shards: split -> the total in its shards' names.
        classes: class names in id order; of names found in the data, in alphabetical order.
        total: everything in the readable files.
        not_chosen: reason (`NOT_CHOSEN`) -> what is left out for it.
        warnings: sentences for people.
    """

    source: Source
    unreadable: tuple[UnreadableFile, ...]
    selection: Selection
    units: tuple[Unit, ...]
    num_shards: Mapping[str, int]
    classes: tuple[str, ...]
    total: Amount
    not_chosen: Mapping[str, Amount]
    warnings: tuple[str, ...]


def make_plan(
    source: Source, sampling: Sampling, *, rows_per_shard: int, rows_per_read: int | None = None
) -> Plan:
    """Chooses records and packs them into units and shards.

    Args:
        source: as `open_source` found it.
        sampling: what is asked for.
        rows_per_shard: chosen records that a shard aims at, at least 1.
        rows_per_read: where a unit may end, counted from the start of a file; None for where a row
            group does. Units that end elsewhere read a part of their row group in vain, which costs
            little where the rows hold no images.

    Raises:
        SourceError: the sampling does not fit the data set.
    """
    warnings: list[str] = []
    files, unreadable = _read_all_keys(source, sampling.seed)
    selection = _choose(files, source, sampling, warnings)
    units, num_shards = _pack(files, selection, rows_per_shard, rows_per_read)
    return Plan(
        source=source,
        unreadable=(*source.unreadable, *unreadable),
        selection=selection,
        units=units,
        num_shards=num_shards,
        classes=source.names or tuple(sorted({name for f in files for name in f.keys.names})),
        total=_amount(files, None),
        not_chosen={
            reason: amount
            for i, reason in enumerate(NOT_CHOSEN)
            if (amount := _amount(files, -1 - i)).records
        },
        warnings=tuple(warnings),
    )


@dataclass(slots=True)
class _FileKeys:
    """What planning keeps of one file: some 40 bytes a record."""

    index: int
    file: SourceFile
    keys: Keys
    ranks: RankArray
    outcome: IntArray
    drawn: IntArray | None = None  # rows, by shuffle


def _read_all_keys(source: Source, seed: int) -> tuple[list[_FileKeys], list[UnreadableFile]]:
    def read(index: int) -> _FileKeys | UnreadableFile:
        file = source.files[index]
        try:
            keys = read_keys(source, file)
        except DamagedError as error:
            return UnreadableFile(file.relative, str(error))
        return _FileKeys(index, file, keys, rank(keys.id, seed), np.empty(0, dtype=np.int64))

    with ThreadPoolExecutor(READERS) as pool:
        read_files = list(pool.map(read, range(len(source.files))))
    return (
        [each for each in read_files if isinstance(each, _FileKeys)],
        [each for each in read_files if isinstance(each, UnreadableFile)],
    )


def _choose(
    files: list[_FileKeys], source: Source, sampling: Sampling, warnings: list[str]
) -> Selection:
    """Sets the outcome of every record, and returns the rule."""
    pools = sorted({each.file.split for each in files})
    keep_empty = sampling.keep_empty or source.task == "grounding"
    if sampling.method == "shuffle":
        selection = _draw_by_shuffle(files, source, sampling, warnings)
    elif sampling.samples is None and sampling.val_ratio == 0:
        selection = select_all(pools, keep_empty=keep_empty)
    else:
        rule = Selection((), {}, sampling.seed, keep_empty)
        ranks: dict[str, list[RankArray]] = {pool: [] for pool in pools}
        for each in files:
            ranks[each.file.split].append(each.ranks[rule.eligibility(each.keys) == 0])
        joined = {pool: np.concatenate(parts) for pool, parts in ranks.items()}
        selection = select_by_rank(joined, sampling, keep_empty=keep_empty, warnings=warnings)
    for each in files:
        each.outcome = selection.outcome(each.file.split, each.keys, each.ranks)
        if each.drawn is not None:
            each.outcome = not_drawn(each.outcome, np.isin(each.keys.row, each.drawn))
    return selection


def _draw_by_shuffle(
    files: list[_FileKeys], source: Source, sampling: Sampling, warnings: list[str]
) -> Selection:
    """Draws what the usual script draws: train is shuffled first, then val, by one generator."""
    if source.task == "grounding" or sampling.samples is None:
        raise SourceError("--sampling shuffle repeats a detection script: it needs --samples N")
    wanted = {"train": sampling.samples - sampling.num_val, "val": sampling.num_val}
    rule = Selection((), {}, sampling.seed, keep_empty=False)
    pools = [[each for each in files if each.file.split == split] for split in wanted]
    rows = [[each.keys.row[rule.eligibility(each.keys) == 0] for each in pool] for pool in pools]
    sizes = [sum(map(len, parts)) for parts in rows]
    for (split, count), size in zip(wanted.items(), sizes, strict=True):
        warn_if_short(warnings, split, wanted=count, have=size)
    drawn = shuffle_pools(sizes, list(wanted.values()), sampling.seed)
    for pool, parts, positions in zip(pools, rows, drawn, strict=True):
        ends = np.cumsum([len(part) for part in parts])
        for each, part, end in zip(pool, parts, ends, strict=True):
            inside = positions[(positions >= end - len(part)) & (positions < end)]
            each.drawn = part[inside - (end - len(part))]
    present = [split for split, positions in zip(wanted, drawn, strict=True) if len(positions)]
    return select_all(present, keep_empty=False)


def _pack(
    files: list[_FileKeys],
    selection: Selection,
    rows_per_shard: int,
    rows_per_read: int | None,
) -> tuple[tuple[Unit, ...], dict[str, int]]:
    repeats = _repeats(files)
    num_shards = dict.fromkeys(selection.splits, 0)
    units: list[Unit] = []
    for pool in sorted(selection.draws):
        inside = [each for each in files if each.file.split == pool]
        found = _segments(inside, len(selection.splits), rows_per_read)
        for segments in _packed(found, rows_per_shard):
            counts = np.sum([segment.counts for segment in segments], axis=0).tolist()
            shards: list[Shard] = []
            for split, count in zip(selection.splits, counts, strict=True):
                shards.extend(_shards(split, num_shards[split], count, rows_per_shard))
                num_shards[split] += sum(shard.split == split for shard in shards)
            parts = tuple(_parts(segments))
            held = frozenset(
                repeat
                for part in parts
                for repeat in repeats.get(part.file, ())
                if part.start <= repeat[1] < part.stop
            )
            units.append(Unit(len(units), pool, parts, tuple(shards), held))
    return tuple(units), num_shards


class _Segment(NamedTuple):
    """The rows of one row group, moved to where records begin."""

    file: _FileKeys
    start: int
    stop: int
    counts: IntArray  # chosen records for each split


def _segments(
    files: Iterable[_FileKeys], num_splits: int, rows_per_read: int | None
) -> Iterator[_Segment]:
    for each in files:
        row = each.keys.row
        ends = np.cumsum(each.file.row_groups, dtype=np.int64)
        if rows_per_read is not None:
            ends = np.append(np.arange(rows_per_read, ends[-1], rows_per_read), ends[-1])
        if len(row) == 0:
            continue
        first = np.searchsorted(row, np.concatenate([[0], ends]))  # record that begins there
        starts = np.append(row, ends[-1])[first]
        starts[0] = 0
        chosen = each.outcome[:, None] == np.arange(num_splits)
        before = np.concatenate([np.zeros((1, num_splits), np.int64), np.cumsum(chosen, axis=0)])
        counts = np.diff(before[first], axis=0)
        for start, stop, count in zip(
            starts[:-1].tolist(), starts[1:].tolist(), counts, strict=True
        ):
            if count.any():
                yield _Segment(each, start, stop, count)


def _packed(segments: Iterable[_Segment], rows_per_shard: int) -> Iterator[list[_Segment]]:
    held: list[_Segment] = []
    total = 0
    for segment in segments:
        held.append(segment)
        total += int(segment.counts.sum())
        if total >= rows_per_shard:
            yield held
            held, total = [], 0
    if held:
        yield held


def _shards(split: str, first: int, records: int, rows_per_shard: int) -> list[Shard]:
    if records == 0:
        return []
    count = max(1, round(records / rows_per_shard))
    cuts = [i * records // count for i in range(count + 1)]
    return [Shard(split, first + i, cuts[i + 1] - cuts[i]) for i in range(count)]


def _parts(segments: list[_Segment]) -> Iterator[Part]:
    file, start, stop = segments[0].file, segments[0].start, segments[0].stop
    for segment in segments[1:]:
        if segment.file is file and segment.start == stop:
            stop = segment.stop
            continue
        yield _part(file, start, stop)
        file, start, stop = segment.file, segment.start, segment.stop
    yield _part(file, start, stop)


def _part(each: _FileKeys, start: int, stop: int) -> Part:
    if each.drawn is None:
        return Part(each.index, start, stop)
    drawn = each.drawn[(each.drawn >= start) & (each.drawn < stop)]
    return Part(each.index, start, stop, tuple(drawn.tolist()))


def _repeats(files: list[_FileKeys]) -> dict[int, list[tuple[int, int, str]]]:
    """By file, the chosen records whose id an earlier chosen record of the data set has."""
    if not files:
        return {}
    chosen = [np.flatnonzero(each.outcome >= 0) for each in files]
    ranks = np.concatenate([each.ranks[c] for each, c in zip(files, chosen, strict=True)])
    order = np.argsort(ranks, kind="stable")
    owner = np.repeat(np.arange(len(files)), [len(each) for each in chosen])
    record = np.concatenate(chosen)

    def place(position: int) -> tuple[int, int, str]:
        each, i = files[owner[position]], int(record[position])
        return each.index, int(each.keys.row[i]), str(each.keys.id[i])

    found: dict[int, list[tuple[int, int, str]]] = {}
    seen: set[str] = set()  # ids of one rank: two texts may share it
    last = -2
    for position in np.flatnonzero(ranks[order[1:]] == ranks[order[:-1]]).tolist():
        if position != last + 1:
            seen = {place(order[position])[2]}
        repeat = place(order[position + 1])
        if repeat[2] in seen:
            found.setdefault(repeat[0], []).append(repeat)
        seen.add(repeat[2])
        last = position
    return found


def _amount(files: list[_FileKeys], outcome: int | None) -> Amount:
    """What has this outcome; with None, everything."""
    amount = Amount()
    for each in files:
        keys = each.keys
        mask = slice(None) if outcome is None else each.outcome == outcome
        amount = amount.plus(
            Amount(
                int(keys.num_rows[mask].sum()),
                len(keys.num_rows[mask]),
                int(keys.num_boxes[mask].sum()),
            )
        )
    return amount
