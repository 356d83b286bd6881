"""Which records are chosen, and for which split: a rule that workers repeat on what they read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from groundray.engine.rank_pools import RankPool
from groundray.engine.records import IntArray
from groundray.engine.sampling import LAST_RANK, RankArray, rank
from groundray.engine.sources import Keys
from groundray.formats.errors import SourceError

NOT_CHOSEN = ("no_boxes", "no_known_category", "not_sampled")
"""Why a record is not chosen, as manifests count it: it has no box at all; none of its boxes is of
a known and wanted category; it was not drawn."""

_NO_BOXES, _NO_CATEGORY, NOT_SAMPLED = -1, -2, -3


@dataclass(frozen=True, slots=True)
class Sampling:
    """What is asked for.

    Attributes:
        samples: records in all; None for every one.
        val_ratio: share of them that goes to val, 0 to 1.
        seed: of the draw.
        method: "hash" ranks ids, so that a draw is stable when files are split anew, reordered or
            added; "shuffle" draws exactly what the usual conversion script draws.
        keep_empty: whether images without a box are chosen too.
    """

    samples: int | None = None
    val_ratio: float = 0.0
    seed: int = 42
    method: Literal["hash", "shuffle"] = "hash"
    keep_empty: bool = False

    @property
    def num_val(self) -> int:
        """Records of val, rounded down, when `samples` is given."""
        return int((self.samples or 0) * self.val_ratio)


@dataclass(frozen=True, slots=True)
class Draw:
    """Records with `low < rank <= high` go to `split`; a `low` of -1 leaves nothing out below."""

    low: int
    high: int
    split: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The rule.

    Attributes:
        splits: all splits that are written, sorted; outcomes are indices into it.
        draws: for each pool (the split that a file belongs to) what is drawn from it, disjoint.
        seed: of the rank; None where every rank is drawn, so that none need be computed.
        keep_empty: whether records without any box are chosen.
    """

    splits: tuple[str, ...]
    draws: Mapping[str, tuple[Draw, ...]]
    seed: int | None
    keep_empty: bool

    def outcome(self, pool: str, keys: Keys) -> IntArray:
        """`(N,)` index of the split that each record goes to, or -1 - i for `NOT_CHOSEN[i]`."""
        outcome = self.eligibility(keys)
        eligible = outcome == 0
        if self.seed is None:
            ranks = np.zeros(len(keys), dtype=np.uint64)  # every rank is drawn
        else:
            ranks = rank(keys.id, self.seed)
        outcome[eligible] = self.draw(pool, ranks[eligible])
        return outcome

    def draw(self, pool: str, ranks: RankArray) -> IntArray:
        """`(N,)` outcome of eligible records by their ranks."""
        outcome = np.full(len(ranks), NOT_SAMPLED, dtype=np.int64)
        for draw in self.draws.get(pool, ()):
            drawn = ranks <= np.uint64(draw.high)
            if draw.low >= 0:
                drawn &= ranks > np.uint64(draw.low)
            outcome[drawn] = self.splits.index(draw.split)
        return outcome

    def eligibility(self, keys: Keys) -> IntArray:
        """`(N,)` 0 where a record may be drawn, else the code of why not.

        Faulty annotations are named and rejected when the record is read; only a sample does not
        spend a draw on them.
        """
        codes = np.where(keys.has_category, 0, _NO_CATEGORY)
        codes[keys.num_boxes == 0] = 0 if self.keep_empty else _NO_BOXES
        codes[keys.is_faulty] = 0 if self.seed is None else _NO_CATEGORY
        return codes


def not_drawn(outcome: IntArray, drawn: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> IntArray:
    """`outcome` with the chosen records that are not `drawn` marked as not sampled."""
    return np.where((outcome >= 0) & ~drawn, NOT_SAMPLED, outcome)


def select_all(pools: list[str], *, keep_empty: bool) -> Selection:
    """Every eligible record, each in the split of its file."""
    draws = {pool: (Draw(-1, int(LAST_RANK), pool),) for pool in pools}
    return Selection(tuple(pools), draws, None, keep_empty)


def select_by_rank(
    pools: Mapping[str, RankPool], sampling: Sampling, *, keep_empty: bool, warnings: list[str]
) -> Selection:
    """The smallest ranks of each pool.

    A single pool is divided: its smallest ranks are val, the next ones train. Of several, only
    train and val are drawn.

    Args:
        pools: split of the files -> ranks of its eligible records.
        sampling: what is asked for; a ratio without samples needs a single pool.
        keep_empty: whether records without any box were eligible.
        warnings: gets a sentence where there are fewer records than asked for.

    Raises:
        SourceError: a ratio without samples, and several pools.
    """
    if len(pools) == 1:
        draws = _divide(*next(iter(pools.items())), sampling, warnings)
    elif sampling.samples is None:
        raise SourceError(
            f"--val-ratio {sampling.val_ratio} without --samples divides a data set that has one "
            f"split, but this one has {', '.join(sorted(pools))}; leave --val-ratio out, or "
            "give --samples"
        )
    else:
        wanted = {"train": sampling.samples - sampling.num_val, "val": sampling.num_val}
        draws = {}
        for name, count in wanted.items():
            pool = pools.get(name)
            have = pool.size if pool else 0
            warn_if_short(warnings, name, wanted=count, have=have)
            high = pool.smallest(min(count, have)) if pool else None
            if high is not None:
                draws[name] = (Draw(-1, int(high), name),)
    splits = sorted({draw.split for drawn in draws.values() for draw in drawn})
    return Selection(tuple(splits), draws, sampling.seed, keep_empty)


def warn_if_short(warnings: list[str], split: str, *, wanted: int, have: int) -> None:
    """Adds a warning when fewer records can be drawn than wanted."""
    if have < wanted:
        warnings.append(f"asked for {wanted:,} {split} records, found {have:,}: taking all of them")


def _divide(
    name: str, pool: RankPool, sampling: Sampling, warnings: list[str]
) -> dict[str, tuple[Draw, ...]]:
    have = pool.size
    if sampling.samples is None:
        num_val, total = int(have * sampling.val_ratio), have
    else:
        num_val, total = sampling.num_val, sampling.samples
        warn_if_short(warnings, name, wanted=total, have=have)
    rest = "train" if sampling.val_ratio else name
    val_high = pool.smallest(min(num_val, have))
    high = pool.smallest(min(total, have))
    draws = []
    if val_high is not None:
        draws.append(Draw(-1, int(val_high), "val"))
    if high is not None and high != val_high:
        draws.append(Draw(-1 if val_high is None else int(val_high), int(high), rest))
    return {name: tuple(draws)}
