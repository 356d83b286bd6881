"""The survey: every record is looked at once, and what choosing needs of it is kept small.

Some 15 bytes a record stay where it was read (`Eligible`). What is counted for each row group is
handed on (`FileCounts`, `FileDraw`): that alone is what a plan is packed from.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from groundray.engine.rank_pools import PoolRanks
from groundray.engine.records import IntArray
from groundray.engine.sampling import RankArray, rank
from groundray.engine.selection import NOT_CHOSEN, NOT_SAMPLED, Selection
from groundray.engine.sources import Keys, Source, SourceFile, UnreadableFile, iter_keys
from groundray.engine.workers import Handle, Workers, deal
from groundray.formats.errors import DamagedError

MAX_GROUPS = 1_000
"""Groups of files; each is looked at by one task."""

T = TypeVar("T")


class Amount(NamedTuple):
    """So many rows of the source, records made of them, and boxes in those."""

    rows: int = 0
    records: int = 0
    boxes: int = 0

    def plus(self, other: "Amount") -> "Amount":
        """The sum, field by field."""
        return Amount(*(a + b for a, b in zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about every record.

    Attributes:
        source: what the columns mean; it has no files.
        rule: tells which records are eligible.
        seed: of ranks.
        faulty: outcome of records with faulty annotations, None for what `rule` says.
        rows_per_read: where a segment may end, counted from the start of a file; None for where a
            row group does.
    """

    source: Source
    rule: Selection
    seed: int
    faulty: int | None
    rows_per_read: int | None

    def outcome(self, keys: Keys) -> IntArray:
        """`(N,)` 0 where a record is eligible, else the code of why not."""
        codes = self.rule.eligibility(keys)
        if self.faulty is not None:
            codes[keys.is_faulty] = self.faulty
        return codes


class FileCounts(NamedTuple):
    """What is counted of one file; a segment is a row group, moved to where records begin.

    Attributes:
        bounds: `(S + 1,)` first row of each segment, and the end of the file.
        before: `(S + 1,)` eligible records before each.
        total: everything.
        not_eligible: by outcome.
        names: class names found, where the source does not know them.
    """

    bounds: IntArray
    before: IntArray
    total: Amount
    not_eligible: Mapping[int, Amount]
    names: frozenset[str]


class Eligible(NamedTuple):
    """The E eligible records of a file, in numbers of as few bytes as they need.

    Attributes:
        ranks: `(E,)`.
        row: `(E,)` as in `Keys`.
        num_rows, num_boxes: `(E,)` likewise.
    """

    ranks: RankArray
    row: NDArray[Any]
    num_rows: NDArray[Any]
    num_boxes: NDArray[Any]


class Surveyed(NamedTuple):
    """A file that could be read, and its place in the source."""

    place: int
    file: SourceFile
    counts: FileCounts
    eligible: Eligible


class Survey(NamedTuple):
    """All files.

    Attributes:
        question: that was asked.
        groups: handles of what was read: for each group of files, a list of `Surveyed`.
        files: place of each readable file in the source -> what was counted.
        unreadable: the other files.
    """

    question: Question
    groups: list[Handle]
    files: Mapping[int, FileCounts]
    unreadable: tuple[UnreadableFile, ...]


class FileDraw(NamedTuple):
    """What is drawn of one file.

    Attributes:
        counts: `(S, K)` chosen records of each segment for each of K splits.
        not_sampled: eligible records that are not drawn.
        rows: `(D,)` the chosen rows, where positions were drawn; else None.
        suspects: the chosen records whose rank is repeated somewhere: rank, row and id, in order.
    """

    counts: IntArray
    not_sampled: Amount
    rows: IntArray | None
    suspects: tuple[tuple[int, int, str], ...]


class _Unread(NamedTuple):
    place: int
    file: UnreadableFile


def survey(source: Source, question: Question, workers: Workers) -> Survey:
    """Reads the keys of all files.

    Raises:
        ChangedError: a file has changed since the source was opened.
        SourceError: a file cannot be read at the moment.
    """
    parts = deal(list(enumerate(source.files)), MAX_GROUPS)
    asked = replace(question, source=source.without_files())
    groups = workers.each(partial(_read_group, asked, workers.readers), parts)
    found = [each for group in workers.take(workers.each(_counts, groups)) for each in group]
    counts = {place: each for place, each in found if isinstance(each, FileCounts)}
    unreadable = tuple(each for _, each in found if isinstance(each, UnreadableFile))
    return Survey(asked, groups, counts, unreadable)


def ranks_of(surveyed: Survey, workers: Workers) -> list[Handle]:
    """Handles of the ranks of all eligible records, by pool, a group of files each."""
    return workers.each(_ranks, surveyed.groups)


def draw(
    surveyed: Survey,
    selection: Selection,
    repeated: RankArray,
    positions: Mapping[int, IntArray] | None,
    workers: Workers,
) -> Mapping[int, FileDraw]:
    """What is drawn of each readable file, by its place in the source.

    Args:
        surveyed: what there is.
        selection: the rule.
        repeated: ranks that several eligible records have, ascending.
        positions: which eligible records of each file a shuffle has drawn; None without one.
        workers: that surveyed.
    """
    work = partial(_draw_group, surveyed.question, selection, repeated, positions, workers.readers)
    return dict(
        each for group in workers.take(workers.each(work, surveyed.groups)) for each in group
    )


def _read_group(
    question: Question, readers: int, files: Sequence[tuple[int, SourceFile]]
) -> list[Surveyed | _Unread]:
    def read(each: tuple[int, SourceFile]) -> Surveyed | _Unread:
        place, file = each
        try:
            return _read_file(question, place, file)
        except DamagedError as error:
            return _Unread(place, UnreadableFile(file.relative, str(error)))

    return _map(read, files, readers)


def _counts(
    group: Sequence[Surveyed | _Unread],
) -> list[tuple[int, FileCounts | UnreadableFile]]:
    return [
        (each.place, each.counts if isinstance(each, Surveyed) else each.file) for each in group
    ]


def _ranks(group: Sequence[Surveyed | _Unread]) -> PoolRanks:
    pools: dict[str, list[RankArray]] = {}
    for each in group:
        if isinstance(each, Surveyed):
            pools.setdefault(each.file.split, []).append(each.eligible.ranks)
    return {pool: np.concatenate(parts) for pool, parts in pools.items()}


def _draw_group(
    question: Question,
    selection: Selection,
    repeated: RankArray,
    positions: Mapping[int, IntArray] | None,
    readers: int,
    group: Sequence[Surveyed | _Unread],
) -> list[tuple[int, FileDraw]]:
    def one(each: Surveyed) -> tuple[int, FileDraw]:
        drawn = None if positions is None else positions.get(each.place, _no_integers())
        return each.place, _draw_file(question, selection, repeated, drawn, each)

    return _map(one, [each for each in group if isinstance(each, Surveyed)], readers)


def _read_file(question: Question, place: int, file: SourceFile) -> Surveyed:
    rows: list[NDArray[Any]] = []
    flags: list[NDArray[np.bool_]] = []
    eligible: list[Eligible] = []
    total, not_eligible = Amount(), dict.fromkeys(range(-len(NOT_CHOSEN), 0), Amount())
    names: set[str] = set()
    for keys in iter_keys(question.source, file):
        codes = question.outcome(keys)
        total = total.plus(_amount(keys.num_rows, keys.num_boxes))
        for code in set(np.unique(codes).tolist()) - {0}:
            mask = codes == code
            amount = _amount(keys.num_rows[mask], keys.num_boxes[mask])
            not_eligible[code] = not_eligible[code].plus(amount)
        names.update(keys.names)
        is_eligible = codes == 0
        rows.append(_narrow(keys.row))
        flags.append(is_eligible)
        eligible.append(
            Eligible(
                rank(keys.id, question.seed)[is_eligible],
                _narrow(keys.row[is_eligible]),
                _narrow(keys.num_rows[is_eligible]),
                _narrow(keys.num_boxes[is_eligible]),
            )
        )
    bounds, before = _segments(question, file, _joined(rows), _joined(flags))
    counts = FileCounts(bounds, before, total, not_eligible, frozenset(names))
    ranks = [each.ranks for each in eligible]
    columns = (_joined([each[i] for each in eligible]) for i in range(1, len(Eligible._fields)))
    return Surveyed(place, file, counts, Eligible(_joined(ranks, np.uint64), *columns))


def _segments(
    question: Question, file: SourceFile, row: NDArray[Any], is_eligible: NDArray[Any]
) -> tuple[IntArray, IntArray]:
    """`bounds` and `before` of `FileCounts`."""
    if len(row) == 0:
        return np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    ends = np.cumsum(file.row_groups, dtype=np.int64)
    if question.rows_per_read is not None:
        ends = np.append(
            np.arange(question.rows_per_read, ends[-1], question.rows_per_read), ends[-1]
        )
    first = np.searchsorted(row, np.concatenate([[0], ends]))  # record that begins there
    bounds = np.append(row, ends[-1])[first].astype(np.int64)
    bounds[0] = 0
    return bounds, _before(is_eligible, first)


def _draw_file(
    question: Question,
    selection: Selection,
    repeated: RankArray,
    positions: IntArray | None,
    each: Surveyed,
) -> FileDraw:
    eligible = each.eligible
    outcome = selection.draw(each.file.split, eligible.ranks)
    if positions is not None:
        is_drawn = np.zeros(len(outcome), dtype=np.bool_)
        is_drawn[positions] = True
        outcome[~is_drawn] = NOT_SAMPLED
    before = each.counts.before
    counts = [np.diff(_before(outcome == i, before)) for i in range(len(selection.splits))]
    left = outcome == NOT_SAMPLED
    suspects = np.zeros(0, dtype=np.int64)
    if len(repeated):
        nearest = np.minimum(np.searchsorted(repeated, eligible.ranks), len(repeated) - 1)
        suspects = np.flatnonzero((repeated[nearest] == eligible.ranks) & (outcome >= 0))
    return FileDraw(
        np.stack(counts, axis=1) if counts else np.zeros((len(before) - 1, 0), dtype=np.int64),
        _amount(eligible.num_rows[left], eligible.num_boxes[left]),
        None if positions is None else eligible.row[positions].astype(np.int64),
        tuple(
            zip(
                eligible.ranks[suspects].tolist(),
                eligible.row[suspects].tolist(),
                _read_ids(question, each.file, suspects),
                strict=True,
            )
        ),
    )


def _read_ids(question: Question, file: SourceFile, positions: IntArray) -> list[str]:
    """Ids of some eligible records, read once more: few are wanted, so none were kept."""
    ids: list[str] = []
    seen = 0
    if len(positions) == 0:
        return ids
    for keys in iter_keys(question.source, file):
        eligible = np.flatnonzero(question.outcome(keys) == 0)
        inside = positions[(positions >= seen) & (positions < seen + len(eligible))]
        ids.extend(map(str, keys.id.take(eligible[inside - seen]).to_pylist()))
        seen += len(eligible)
    return ids


def _map(function: Callable[[Any], T], items: Sequence[Any], readers: int) -> list[T]:
    if readers == 1:
        return list(map(function, items))
    with ThreadPoolExecutor(readers) as pool:
        return list(pool.map(function, items))


def _amount(num_rows: NDArray[Any], num_boxes: NDArray[Any]) -> Amount:
    return Amount(
        int(num_rows.sum(dtype=np.int64)), len(num_rows), int(num_boxes.sum(dtype=np.int64))
    )


def _before(flags: NDArray[np.bool_], places: IntArray) -> IntArray:
    """How many flags are set before each place."""
    return np.concatenate([[0], np.cumsum(flags, dtype=np.int64)])[places]


def _narrow(values: IntArray) -> NDArray[Any]:
    """The same numbers, none below 0, in as few bytes as the largest needs."""
    return values.astype(np.min_scalar_type(int(values.max(initial=0))))


def _joined(parts: Sequence[NDArray[Any]], empty: type[np.generic] = np.int64) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=empty)


def _no_integers() -> IntArray:
    return np.zeros(0, dtype=np.int64)
