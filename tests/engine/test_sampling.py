import random

import numpy as np
import pyarrow as pa
import pytest

from groundray.engine.sampling import rank, shuffle_pools
from groundray.formats.errors import SourceError


def splitmix64(state: int) -> int:
    """The published algorithm, in Python's integers."""
    mask = 2**64 - 1
    z = (state + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def test_splitmix64_itself_gives_the_published_first_output() -> None:
    assert splitmix64(0) == 0xE220A8397B1DCDAF  # of the reference implementation with seed 0


@pytest.mark.parametrize("seed", [0, 42, -1, 2**70])
def test_integers_are_ranked_by_splitmix64(seed: int) -> None:
    ids = [0, 1, -5, 299887, 2**63 - 1]
    expected = [splitmix64((i % 2**64) ^ splitmix64(seed % 2**64)) for i in ids]
    assert rank(pa.array(ids), seed).tolist() == expected


def test_a_slice_is_ranked_like_its_whole() -> None:
    ids = pa.array(range(100))
    np.testing.assert_array_equal(rank(ids.slice(37, 20), 1), rank(ids, 1)[37:57])


def test_text_is_ranked_by_a_digest_that_never_changes() -> None:
    # pinned: samples that were drawn once are drawn for ever
    assert rank(pa.array(["a", "ä", ""]), 42).tolist() == [
        18015743052029225160,
        15231011160876278961,
        8772462137215844456,
    ]


def test_ranks_are_spread_evenly() -> None:
    share = (rank(pa.array(range(100_000)), 42) < np.uint64(2**64 // 10)).mean()
    assert abs(share - 0.1) < 0.005


def test_shuffled_pools_are_what_one_generator_draws() -> None:
    generator = random.Random(42)
    train, val = list(range(50)), list(range(20))
    generator.shuffle(train)
    generator.shuffle(val)
    drawn = shuffle_pools([50, 20], [10, 5], 42)
    assert [positions.tolist() for positions in drawn] == [sorted(train[:10]), sorted(val[:5])]


def test_a_shuffle_of_too_many_rows_is_refused() -> None:
    with pytest.raises(SourceError, match="use --sampling hash"):
        shuffle_pools([10_000_001], [1], 42)
