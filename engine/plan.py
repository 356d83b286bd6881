"""The plan: which records go into which shard, settled before any image is read.

A plan is pure data. It follows from the files and the options alone: not from the number of
workers, nor from the order of the command line. Making it reads ids and categories, never image
bytes.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from groundray.engine.rank_pools import make_rank_pools
from groundray.engine.records import IntArray
from groundray.engine.sampling import shuffle_pools
from groundray.engine.selection import (
    NOT_CHOSEN,
    NOT_SAMPLED,
    Sampling,
    Selection,
    select_all,
    select_by_rank,
    warn_if_short,
)
from groundray.engine.sources import Source, SourceFile, UnreadableFile
from groundray.engine.survey import (
    Amount,
    FileCounts,
    FileDraw,
    Question,
    Survey,
    draw,
    ranks_of,
    survey,
)
from groundray.engine.workers import Threads, Workers
from groundray.formats.errors import SourceError


@dataclass(frozen=True, slots=True)
class Part:
    """Rows `[start, stop)` of a file.

    Attributes:
        file: that is read.
        start, stop: rows; where the source's rows are grouped, where records begin.
        drawn: the chosen rows, where a shuffle chose them; else None.
        repeats: (row, id) of chosen records whose id an earlier chosen record has.
    """

    file: SourceFile
    start: int
    stop: int
    drawn: tuple[int, ...] | None = None
    repeats: frozenset[tuple[int, str]] = frozenset()


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
    """

    index: int
    pool: str
    parts: tuple[Part, ...]
    shards: tuple[Shard, ...]

    @property
    def state(self) -> str:
        """Digest of the versions of the files that it reads."""
        versions = sorted({(part.file.url, part.file.version) for part in self.parts})
        text = repr([version for _, version in versions])
        return blake2b(text.encode(), digest_size=8).hexdigest()


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
    source: Source,
    sampling: Sampling,
    *,
    rows_per_shard: int,
    rows_per_read: int | None = None,
    workers: Workers | None = None,
) -> Plan:
    """Chooses records and packs them into units and shards.

    Args:
        source: as `open_source` found it.
        sampling: what is asked for.
        rows_per_shard: chosen records that a shard aims at, at least 1.
        rows_per_read: where a unit may end, counted from the start of a file; None for where a row
            group does. Units that end elsewhere read a part of their row group in vain, which costs
            little where the rows hold no images.
        workers: what reads the keys; None for threads of this process. The plan is the same.

    Raises:
        SourceError: the sampling does not fit the data set.
    """
    warnings: list[str] = []
    workers = workers or Threads()
    question = _question(source, sampling, rows_per_read)
    surveyed = survey(source, question, workers)
    selection, draws = _choose(surveyed, source, sampling, warnings, workers)
    files = [
        DrawnFile(source.files[index], counts, draws[index], [])
        for index, counts in sorted(surveyed.files.items())
    ]
    _mark_repeats(files)
    units, num_shards = pack(files, selection, rows_per_shard)
    names = frozenset[str]().union(*(each.counts.names for each in files))
    return Plan(
        source=source,
        unreadable=(*source.unreadable, *surveyed.unreadable),
        selection=selection,
        units=units,
        num_shards=num_shards,
        classes=source.names or tuple(sorted(names)),
        total=_sum(each.counts.total for each in files),
        not_chosen=_not_chosen(files),
        warnings=tuple(warnings),
    )


def _question(source: Source, sampling: Sampling, rows_per_read: int | None) -> Question:
    """What makes a record eligible, before any is drawn."""
    keep_empty = sampling.keep_empty or source.task == "grounding"
    is_shuffle = sampling.method == "shuffle"
    if is_shuffle and (source.task == "grounding" or sampling.samples is None):
        raise SourceError("--sampling shuffle repeats a detection script: it needs --samples N")
    is_drawn = is_shuffle or sampling.samples is not None or sampling.val_ratio != 0
    rule = Selection((), {}, sampling.seed if is_drawn else None, keep_empty and not is_shuffle)
    faulty = NOT_SAMPLED if is_shuffle else None
    return Question(source, rule, sampling.seed, faulty, rows_per_read)


def _choose(
    surveyed: Survey,
    source: Source,
    sampling: Sampling,
    warnings: list[str],
    workers: Workers,
) -> tuple[Selection, Mapping[int, FileDraw]]:
    """The rule, and what it chooses of each file."""
    pools: dict[str, list[int]] = {}  # indices of the files of each
    for index in sorted(surveyed.files):
        pools.setdefault(source.files[index].split, []).append(index)
    num_eligible = {index: int(each.before[-1]) for index, each in surveyed.files.items()}
    ranked = make_rank_pools(
        ranks_of(surveyed, workers), sum(num_eligible.values()), sorted(pools), workers
    )
    rule, positions = surveyed.question.rule, None
    if sampling.method == "shuffle":
        splits, positions = _shuffle(pools, num_eligible, sampling, warnings)
        selection = select_all(splits, keep_empty=False)
    elif rule.seed is None:
        selection = select_all(sorted(pools), keep_empty=rule.keep_empty)
    else:
        selection = select_by_rank(
            ranked.pools, sampling, keep_empty=rule.keep_empty, warnings=warnings
        )
    return selection, draw(surveyed, selection, ranked.repeated, positions, workers)


def _shuffle(
    pools: Mapping[str, Sequence[int]],
    num_eligible: Mapping[int, int],
    sampling: Sampling,
    warnings: list[str],
) -> tuple[list[str], dict[int, IntArray]]:
    """Draws what the usual script draws: train is shuffled first, then val, by one generator.

    Returns:
        Splits of which something is drawn, and which eligible records of each file are.
    """
    wanted = {"train": sampling.samples or 0, "val": sampling.num_val}
    wanted["train"] -= sampling.num_val
    files = [pools.get(split, ()) for split in wanted]
    sizes = [sum(num_eligible[index] for index in indices) for indices in files]
    for (split, count), size in zip(wanted.items(), sizes, strict=True):
        warn_if_short(warnings, split, wanted=count, have=size)
    drawn = shuffle_pools(sizes, list(wanted.values()), sampling.seed)
    positions: dict[int, IntArray] = {}
    for indices, chosen in zip(files, drawn, strict=True):
        start = 0
        for index in indices:
            stop = start + num_eligible[index]
            first, last = np.searchsorted(chosen, [start, stop])
            positions[index] = chosen[first:last] - start
            start = stop
    return [split for split, chosen in zip(wanted, drawn, strict=True) if len(chosen)], positions


class DrawnFile(NamedTuple):
    """A file, and what is chosen of it.

    Attributes:
        file: of the source.
        counts, draw: see `groundray.engine.survey`.
        repeats: (row, id) of the chosen records that repeat an earlier one's id, by row.
    """

    file: SourceFile
    counts: FileCounts
    draw: FileDraw
    repeats: list[tuple[int, str]]


def _mark_repeats(files: Sequence[DrawnFile]) -> None:
    """Finds the chosen records whose id an earlier chosen record of the data set has."""
    seen: set[tuple[int, str]] = set()  # with ranks: two texts may share one
    for each in files:
        for rank, row, id_ in each.draw.suspects:
            if (rank, id_) in seen:
                each.repeats.append((row, id_))
            seen.add((rank, id_))


def pack(
    files: Sequence[DrawnFile], selection: Selection, rows_per_shard: int
) -> tuple[tuple[Unit, ...], dict[str, int]]:
    """Units, and the number of shards of each split."""
    num_shards = dict.fromkeys(selection.splits, 0)
    units: list[Unit] = []
    for pool in sorted(selection.draws):
        found = _segments(each for each in files if each.file.split == pool)
        for segments in _packed(found, rows_per_shard):
            counts = map(sum, zip(*(segment.counts for segment in segments), strict=True))
            shards: list[Shard] = []
            for split, count in zip(selection.splits, counts, strict=True):
                made = _shards(split, num_shards[split], count, rows_per_shard)
                num_shards[split] += len(made)
                shards.extend(made)
            units.append(Unit(len(units), pool, tuple(_parts(segments)), tuple(shards)))
    return tuple(units), num_shards


class _Segment(NamedTuple):
    """The rows of one row group, moved to where records begin."""

    file: DrawnFile
    start: int
    stop: int
    counts: list[int]  # chosen records for each split


def _segments(files: Iterable[DrawnFile]) -> Iterator[_Segment]:
    for each in files:
        spans = pairwise(each.counts.bounds.tolist())
        for (start, stop), counts in zip(spans, each.draw.counts.tolist(), strict=True):
            if any(counts):
                yield _Segment(each, start, stop, counts)


def _packed(segments: Iterable[_Segment], rows_per_shard: int) -> Iterator[list[_Segment]]:
    held: list[_Segment] = []
    total = 0
    for segment in segments:
        held.append(segment)
        total += sum(segment.counts)
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


def _part(each: DrawnFile, start: int, stop: int) -> Part:
    drawn = None
    if each.draw.rows is not None:
        first, last = np.searchsorted(each.draw.rows, [start, stop])
        drawn = tuple(each.draw.rows[first:last].tolist())
    first, last = (bisect_left(each.repeats, (row, "")) for row in (start, stop))
    return Part(each.file, start, stop, drawn, frozenset(each.repeats[first:last]))


def _not_chosen(files: Sequence[DrawnFile]) -> dict[str, Amount]:
    """By reason, those without any record left out."""
    amounts = {
        reason: _sum(each.counts.not_eligible[-1 - i] for each in files)
        for i, reason in enumerate(NOT_CHOSEN)
    }
    left = _sum(each.draw.not_sampled for each in files)
    amounts["not_sampled"] = amounts["not_sampled"].plus(left)
    return {reason: amount for reason, amount in amounts.items() if amount.records}


def _sum(amounts: Iterable[Amount]) -> Amount:
    total = Amount()
    for amount in amounts:
        total = total.plus(amount)
    return total
