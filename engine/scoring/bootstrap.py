"""Intervals by resampling images, in one pass and in parts that add up.

The Poisson bootstrap (Chamandy, Muralidharan, Najmi and Naidu, "Estimating Uncertainty for Massive
Data Streams", 2012): in every replicate an image counts as often as a Poisson number of mean 1
says, which is what drawing images with replacement comes to for more than a few of them. The
numbers come from a hash of the seed, the image and the replicate. So replicates of parts add up,
the order of images is irrelevant, and two runs over the same images resample the same ones, which
makes their difference a paired one. Records about one image are resampled together.
"""

from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from groundray.engine.records import FloatArray

REPLICATES = 1000
LEVEL = 0.95

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_DRAWS = 1 << 16  # a Poisson number is looked up by 16 bits: the mean is off by less than 1e-4

# P(X <= k) of a Poisson number of mean 1, for k = 0, 1, ...
_CUMULATIVE = np.cumsum(np.exp(-1.0) / np.cumprod(np.concatenate([[1.0], np.arange(1.0, 9.0)])))
_POISSON = np.searchsorted(_CUMULATIVE, (np.arange(_DRAWS) + 0.5) / _DRAWS).astype(np.int8)


class Interval(NamedTuple):
    """A 95 % percentile interval."""

    low: float
    high: float


def image_key(image: str) -> int:
    """64 bits that stand for an image.

    A path counts by its last two parts, so that runs whose shards lie at other depths agree on it.
    """
    name = image if "://" in image else "/".join(image.rsplit("/", 2)[-2:])
    return int.from_bytes(blake2b(name.encode("utf-8", "replace"), digest_size=8).digest(), "big")


def image_weights(keys: NDArray[np.uint64], *, replicates: int, seed: int) -> NDArray[np.int8]:
    """`(N, replicates)` how often each image counts in each replicate.

    Args:
        keys: `(N,)` of the images.
        replicates: how many.
        seed: another one gives other numbers.
    """
    words = -(-replicates // 4)
    start = _mix(np.array([seed & (2**64 - 1)], dtype=np.uint64))
    counter = np.arange(1, words + 1, dtype=np.uint64) * _GOLDEN
    mixed = _mix(_mix(keys ^ start)[:, None] + counter)
    draws = mixed.astype("<u8").view("<u2").reshape(len(keys), 4 * words)[:, :replicates]
    weights: NDArray[np.int8] = _POISSON[draws]
    return weights


def replicate_sums(weights: NDArray[np.int8], counts: "np.ndarray[Any, Any]") -> FloatArray:
    """`(replicates, K)` sums of `(N, K)` counts in each replicate."""
    return weights.T.astype(np.float64) @ counts.astype(np.float64)


def interval(values: FloatArray) -> Interval | None:
    """The middle 95 % of the replicates, those left out where nothing is defined; None without."""
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high))


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """splitmix64's finaliser."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
