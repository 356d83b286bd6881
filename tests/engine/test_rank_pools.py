import numpy as np
import pyarrow as pa
import pytest

from groundray.engine.rank_pools import RankPools, make_rank_pools
from groundray.engine.sampling import LAST_RANK, RankArray, rank
from groundray.engine.workers import Threads


def ranks_of(*ids: int) -> RankArray:
    return rank(pa.array(ids, pa.int64()), 7)


@pytest.fixture(params=[7, 8_000_000], ids=["many spans", "one span"])
def span_ranks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundray.engine.rank_pools.SPAN_RANKS", request.param)


def pools_of(*groups: dict[str, RankArray]) -> RankPools:
    size = sum(len(ranks) for group in groups for ranks in group.values())
    return make_rank_pools(groups, size, ["train", "val"], Threads())


pytestmark = pytest.mark.usefixtures("span_ranks")


@pytest.mark.parametrize("count", [1, 30, 99])
def test_exactly_so_many_are_smallest(count: int) -> None:
    ranks = ranks_of(*range(100))
    high = pools_of({"train": ranks[:40]}, {"train": ranks[40:]}).pools["train"].smallest(count)
    assert high == np.sort(ranks)[count - 1]


def test_a_repeated_id_takes_no_place_of_another() -> None:
    pool = pools_of({"train": ranks_of(*range(50))}, {"train": ranks_of(*range(50))}).pools["train"]
    assert pool.size == 50
    assert pool.smallest(20) == np.sort(ranks_of(*range(50)))[19]


def test_none_of_none_and_all_of_too_few() -> None:
    made = pools_of({"train": ranks_of(1, 2)})
    assert made.pools["train"].smallest(0) is None
    assert made.pools["train"].smallest(2) == made.pools["train"].smallest(3) == LAST_RANK
    assert made.pools["val"].size == 0


def test_repeats_are_found_within_a_pool_and_across_pools() -> None:
    made = pools_of(
        {"train": ranks_of(1, 2, 3, 2)}, {"val": ranks_of(3, 4)}, {"train": ranks_of(5, 2)}
    )
    assert made.repeated.tolist() == np.sort(ranks_of(2, 3)).tolist()
    assert made.pools["train"].size == 4


def test_nothing_at_all_has_no_repeats() -> None:
    assert pools_of({}).repeated.tolist() == []
