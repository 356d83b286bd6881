"""Which records a report shows, where there are more than it can hold.

Every kind of mistake of every class comes first, some records of each, so that whatever a person
filters for is there; the rest is drawn at random. Both follow a hash of the record's id and the
seed: the same records whatever their order, and the same ones of every checkpoint. Of a very large
run a pool is drawn before, by the same hash: its pictures need not take longer than its scores.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

from groundray.engine.evaluation.outcomes import ImageOutcome
from groundray.engine.scoring.breakdowns import EXPRESSION

PER_MISTAKE = 3
"""Records of each kind of mistake of each class that come first."""

POOL = 10_000
"""Records that are looked at, about."""

UNPARSED = "unparsed"
"""The mistake of an answer that has an issue, or that nobody gave."""

_PLAIN = frozenset({"right", "ignored"})

_RANKS = 1 << 64

Ranked = tuple[int, str]
"""The hash of a record's id, and the id."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Records that are shown.

    Attributes:
        ids: the most wanted first.
        looked_at: records that they were chosen from.
        by_mistake: how many of `ids`, at the front, were chosen for a mistake; 0 where all records
            are shown.
    """

    ids: tuple[str, ...]
    looked_at: int
    by_mistake: int


class Pool:
    """The ids of records that are looked at; `in` tells whether one is.

    Args:
        total: records that there are.
        seed: another one gives another pool.
    """

    def __init__(self, total: int, *, seed: int) -> None:
        self._salt = (seed & (_RANKS - 1)).to_bytes(8, "big")
        self._end = _RANKS if total <= POOL else _RANKS * POOL // total

    def __contains__(self, record_id: object) -> bool:
        return isinstance(record_id, str) and self.rank(record_id) < self._end

    def rank(self, record_id: str) -> int:
        """The hash of an id."""
        text = record_id.encode("utf-8", "replace")
        return int.from_bytes(blake2b(text, digest_size=8, key=self._salt).digest(), "big")


class Sampler:
    """Chooses records while they pass by, in memory that follows `number`.

    Args:
        number: of records, at most.
        pool: that they are of.
    """

    def __init__(self, number: int, pool: Pool) -> None:
        self._number = number
        self._pool = pool
        self._any = _Lowest(number)
        self._by_mistake: dict[tuple[str, str], _Lowest] = {}
        self._seen: set[int] = set()

    def add(self, outcomes: Iterable[ImageOutcome]) -> None:
        """Looks at the records of a run; the runs of one sample are about the same records."""
        for outcome in outcomes:
            ranked = (self._pool.rank(outcome.id), outcome.id)
            self._seen.add(ranked[0])
            self._any.add(ranked)
            for mistake in mistakes_of(outcome):
                if mistake not in self._by_mistake:
                    self._by_mistake[mistake] = _Lowest(PER_MISTAKE)
                self._by_mistake[mistake].add(ranked)

    def finish(self) -> Sample:
        """The sample."""
        looked_at = len(self._seen)
        at_random = [record_id for _, record_id in self._any]
        if looked_at <= self._number:
            return Sample(tuple(at_random), looked_at, 0)
        chosen: dict[str, None] = {}
        for record_id in self._iter_by_mistake():
            if len(chosen) >= self._number // 2:
                break
            chosen[record_id] = None
        by_mistake = len(chosen)
        for record_id in at_random:
            if len(chosen) >= self._number:
                break
            chosen[record_id] = None
        return Sample(tuple(chosen), looked_at, by_mistake)

    def _iter_by_mistake(self) -> Iterator[str]:
        """The first record of every mistake, then the second of every one, and so on."""
        found = [list(self._by_mistake[mistake]) for mistake in sorted(self._by_mistake)]
        for place in range(PER_MISTAKE):
            yield from (ranked[place][1] for ranked in found if place < len(ranked))


def mistakes_of(outcome: ImageOutcome) -> set[tuple[str, str]]:
    """Kind and class of everything that is wrong in a record."""
    boxes = (*outcome.targets, *outcome.predictions)
    found = {(box.kind, box.category or "") for box in boxes if box.kind not in _PLAIN}
    if outcome.query is not None:
        found = {(kind, EXPRESSION) for kind, _ in found}
    if outcome.issues or outcome.error is not None:
        found.add((UNPARSED, ""))
    return found


class _Lowest:
    """The lowest few of what was added, each once."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._heap: list[tuple[int, str]] = []  # of negated ranks: the highest is on top
        self._held: set[int] = set()

    def add(self, ranked: Ranked) -> None:
        rank, record_id = ranked
        if rank in self._held or not self._number:
            return
        if len(self._heap) < self._number:
            heapq.heappush(self._heap, (-rank, record_id))
            self._held.add(rank)
        elif rank < -self._heap[0][0]:
            highest, _ = heapq.heapreplace(self._heap, (-rank, record_id))
            self._held.remove(-highest)
            self._held.add(rank)

    def __iter__(self) -> Iterator[Ranked]:
        return iter(sorted((-negated, record_id) for negated, record_id in self._heap))
