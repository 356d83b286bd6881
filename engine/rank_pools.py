"""Rank pools: the smallest ranks and the repeated ones, among more than one machine would hold.

Ranks are uniform, so equal spans of them hold about equal parts: each span is looked at by itself,
wherever there is a worker.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from groundray.engine.sampling import LAST_RANK, RankArray
from groundray.engine.workers import Handle, Workers

SPAN_RANKS = 8_000_000
"""Ranks that are looked at together: 64 MB, and as much again while they are sorted."""

PoolRanks = Mapping[str, RankArray]
"""Ranks by pool: the split that their files belong to."""


@dataclass(frozen=True, slots=True)
class RankPool:
    """The ranks of one pool.

    Attributes:
        size: how many distinct ones there are.
        find: the n-th smallest distinct rank, n from 1.
    """

    size: int
    find: Callable[[int], np.uint64]

    def smallest(self, count: int) -> np.uint64 | None:
        """The largest of the `count` smallest distinct ranks; None for a count of 0.

        A record is drawn when its rank is at most this, so a repeated id is drawn with its first.
        """
        if count <= 0:
            return None
        return LAST_RANK if count >= self.size else self.find(count)


class RankPools(NamedTuple):
    """All pools, and what is repeated in any of them or in two.

    Attributes:
        pools: by name.
        repeated: `(R,)` distinct, ascending.
    """

    pools: Mapping[str, RankPool]
    repeated: RankArray


def make_rank_pools(
    groups: Sequence[Handle], num_ranks: int, names: Iterable[str], workers: Workers
) -> RankPools:
    """Counts ranks.

    Args:
        groups: of `PoolRanks`.
        num_ranks: in all of them.
        names: of all pools.
        workers: where the groups are.
    """
    num_spans = max(1, -(-num_ranks // SPAN_RANKS))
    by_group = workers.scatter(partial(_cut, num_spans), groups, num_spans)
    by_span = [list(parts) for parts in zip(*by_group, strict=True)]
    found: list[_Span] = workers.gather(_look, by_span)
    pools = {}
    for name in names:
        ends = np.cumsum([0, *(span.distinct.get(name, 0) for span in found)])
        find = partial(_find, by_span, ends, name, workers)
        pools[name] = RankPool(int(ends[-1]), find)
    repeated = [span.repeated for span in found]
    return RankPools(pools, np.concatenate(repeated) if repeated else _none())


class _Span(NamedTuple):
    distinct: Mapping[str, int]
    repeated: RankArray


def _cut(num_spans: int, ranks: PoolRanks) -> list[PoolRanks]:
    if num_spans == 1:
        return [ranks]
    edges = np.array([(i << 64) // num_spans for i in range(1, num_spans)], dtype=np.uint64)
    parts: list[dict[str, RankArray]] = [{} for _ in range(num_spans)]
    for pool, values in ranks.items():
        ordered = np.sort(values)
        cuts = [0, *np.searchsorted(ordered, edges).tolist(), len(ordered)]
        for part, start, stop in zip(parts, cuts[:-1], cuts[1:], strict=True):
            part[pool] = ordered[start:stop]
    return list(parts)


def _look(*parts: PoolRanks) -> _Span:
    names = sorted({name for part in parts for name in part})
    ordered = [_joined(parts, [name]) for name in names]
    distinct = {
        name: len(ranks) - int((ranks[1:] == ranks[:-1]).sum())
        for name, ranks in zip(names, ordered, strict=True)
    }
    every = ordered[0] if len(names) == 1 else _joined(parts, names)
    return _Span(distinct, np.unique(every[1:][every[1:] == every[:-1]]))


def _find(
    by_span: Sequence[Sequence[Handle]],
    ends: np.ndarray[tuple[int], np.dtype[np.int64]],
    name: str,
    workers: Workers,
    n: int,
) -> np.uint64:
    span = int(np.searchsorted(ends, n)) - 1
    pick = partial(_pick, name, n - int(ends[span]))
    (rank,) = workers.gather(pick, [by_span[span]])
    return np.uint64(rank)


def _pick(name: str, n: int, *parts: PoolRanks) -> np.uint64:
    rank: np.uint64 = np.unique(_joined(parts, [name]))[n - 1]
    return rank


def _joined(parts: Sequence[PoolRanks], names: Sequence[str]) -> RankArray:
    """All ranks of some pools, ascending."""
    found = [part[name] for part in parts for name in names if name in part]
    joined = np.concatenate(found) if found else _none()
    joined.sort()
    return joined


def _none() -> RankArray:
    return np.zeros(0, dtype=np.uint64)
