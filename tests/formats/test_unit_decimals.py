"""Decimals with Python's exact rounding, against Shikra's lines, written out here."""

from fractions import Fraction
from itertools import repeat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundray.formats.unit_decimals import UnitDecimals


def test_a_million_boxes_equal_the_official_lines() -> None:
    """shikras/shikra, mllm/dataset/utils/transform.py: expand2square, then norm_box_xyxy.

    Half of them at whole and half pixels, for ties; images of 1 to 6000 pixels a side.
    """
    rng = np.random.default_rng(0)
    sizes = np.exp(rng.uniform(0, np.log(6000), (1_000_000, 2))).astype(np.int64)
    sizes[:200_000] = rng.choice([1000, 2000, 500, 16, 80, 640], (200_000, 2))
    xyxy = rng.random((len(sizes), 4)) * np.tile(sizes, 2)
    xyxy[::2] = np.rint(xyxy[::2] * 2) / 2
    side = sizes.max(axis=1, keepdims=True)
    padded = xyxy + np.tile((side - sizes) // 2, 2)
    shares = np.maximum(0.0, np.minimum(padded / side, 1.0))
    official = np.array(list(map(round, shares.ravel().tolist(), repeat(3)))).reshape(-1, 4)
    wire = UnitDecimals(3, square=True).encode(xyxy, sizes.astype(np.float64))
    assert np.array_equal(wire, official)


def encode(value: float, decimals: int = 3) -> float:
    box = np.full((1, 4), value, dtype=np.float64)
    return float(UnitDecimals(decimals).encode(box, np.ones((1, 2)))[0, 0])


@given(st.floats(0, 1, allow_subnormal=False), st.integers(1, 6))
def test_any_share_is_rounded_as_python_does(value: float, decimals: int) -> None:
    assert encode(value, decimals) == round(value, decimals)


@given(st.integers(0, 1999), st.integers(-3, 3))
def test_shares_next_to_a_tie_are_rounded_as_python_does(halves: int, steps: int) -> None:
    value = halves / 2000
    for _ in range(abs(steps)):
        value = float(np.nextafter(value, 2 if steps > 0 else 0))
    assert encode(value) == round(value, 3)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0625, 0.062),  # a tie that float64 holds: the even neighbour
        (0.1875, 0.188),
        (0.0005, 0.001),  # above 1/2000 by 1e-20
        (0.0015, 0.002),
        (1.0005, 1.0),
    ],
)
def test_ties_by_hand(value: float, expected: float) -> None:
    assert encode(value) == expected


def test_the_ties_are_what_the_comments_say() -> None:
    assert Fraction(0.0625) == Fraction(1, 16)
    assert 0 < Fraction(0.0005) - Fraction(1, 2000) < Fraction(1, 10**19)


@given(st.tuples(*[st.floats(0, 1)] * 4), st.integers(1, 9000), st.integers(1, 9000), st.booleans())
def test_decoding_is_within_half_a_step(
    parts: tuple[float, ...], width: int, height: int, square: bool
) -> None:
    size = np.array([[width, height]], dtype=np.float64)
    box = np.multiply(np.array([parts], dtype=np.float64), np.tile(size, 2))
    space = UnitDecimals(3, square=square)
    off = np.abs(space.decode(space.encode(box, size), (width, height)) - box)
    side = np.full((1, 2), max(width, height)) if square else size
    assert np.all(off <= np.tile(side, 2) / 2000 * (1 + 1e-9))


def test_the_worked_box_with_and_without_padding() -> None:
    box, size = np.array([[146.0, 137, 615, 415]]), np.array([[640.0, 428]])
    assert UnitDecimals(3).encode(box, size).tolist() == [[0.228, 0.32, 0.961, 0.97]]
    # 106 pixels above: 243 / 640 = 0.3797, 521 / 640 = 0.8141
    assert UnitDecimals(3, square=True).encode(box, size).tolist() == [[0.228, 0.38, 0.961, 0.814]]
