"""Which records are drawn: a rank from (seed, id), the same on every machine and for ever."""

import random
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from groundray.engine.records import IntArray
from groundray.formats.errors import SourceError

RankArray = NDArray[np.uint64]

LAST_RANK = np.uint64(2**64 - 1)

MAX_SHUFFLED = 10_000_000
"""`--sampling shuffle` keeps one Python integer a row; beyond this many rows it is refused."""


def rank(ids: Any, seed: int) -> RankArray:
    """Pseudo-random rank of every id; the smallest ranks are drawn.

    Integers are ranked by SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) of the id xor SplitMix64
    of the seed; text by BLAKE2b-64 keyed with the seed. Neither depends on Python's, numpy's or
    Arrow's version.

    Args:
        ids: Arrow array, int64 or string, without nulls.
        seed: any integer; its low 64 bits count.

    Returns:
        `(N,)` uint64.
    """
    seed_word = seed & 0xFFFF_FFFF_FFFF_FFFF
    if pa.types.is_integer(ids.type):
        return _splitmix64(_integers(ids) ^ _splitmix64(np.array([seed_word], dtype=np.uint64)))
    key = seed_word.to_bytes(8, "little")
    digests = b"".join(
        blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest()
        for text in ids.to_pylist()
    )
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64, copy=False)


def shuffle_pools(pools: list[int], counts: list[int], seed: int) -> list[IntArray]:
    """Positions that the usual conversion script draws from its pools, each sorted.

    Args:
        pools: size of each pool; one `random.Random(seed)` shuffles them one after another.
        counts: how many are taken from the front of each shuffled pool.
        seed: of that generator.

    Raises:
        SourceError: the pools hold more than 10,000,000 rows together.
    """
    if sum(pools) > MAX_SHUFFLED:
        raise SourceError(
            f"--sampling shuffle lists every row, and there are {sum(pools):,} "
            f"(at most {MAX_SHUFFLED:,}); use --sampling hash"
        )
    generator = random.Random(seed)  # noqa: S311  the point is to draw what the script draws
    drawn = []
    for size, count in zip(pools, counts, strict=True):
        positions = list(range(size))
        generator.shuffle(positions)
        drawn.append(np.sort(np.array(positions[:count], dtype=np.int64)))
    return drawn


def _integers(ids: Any) -> RankArray:
    column = pc.cast(ids, pa.int64())
    (_, values) = column.buffers()
    numbers = np.frombuffer(values, dtype=np.int64)[column.offset : column.offset + len(column)]
    return numbers.view(np.uint64)


def _splitmix64(values: RankArray) -> RankArray:
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed
