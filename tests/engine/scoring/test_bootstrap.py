"""Intervals: what they must cover, and what they must not depend on."""

from collections.abc import Sequence

import numpy as np
import pytest

from groundray.engine.scoring.bootstrap import image_key, image_weights, interval
from groundray.engine.scoring.scores import compare
from groundray.engine.scoring.tallies import Rules
from tests.engine.scoring.made import CLASSES, Line, line, part_of, said, scores_of, target

RULES = Rules(CLASSES, "constant", 2000, 7)


def hits(flags: Sequence[bool], *, query: str | None = None) -> list[Line]:
    """A record a flag, with one cup that is found where it is true."""
    return [
        line(
            [target("cup", (0, 0, 10, 10))],
            [said("cup", (0, 0, 10, 10) if hit else (50, 50, 60, 60))],
            id=str(i),
            query=query,
        )
        for i, hit in enumerate(flags)
    ]


def test_weights_are_poisson_of_mean_1() -> None:
    weights = image_weights(np.arange(2000, dtype=np.uint64), replicates=500, seed=0)
    assert weights.shape == (2000, 500)
    assert weights.mean() == pytest.approx(1, abs=0.01)
    assert weights.var() == pytest.approx(1, abs=0.01)
    assert (weights == 0).mean() == pytest.approx(np.exp(-1), abs=0.005)
    columns = np.corrcoef(weights[:, :50].T.astype(float)) - np.eye(50)
    assert abs(columns).max() < 0.12


def test_weights_depend_on_the_seed_and_the_image_alone() -> None:
    keys = np.array([3, 9, 27], dtype=np.uint64)
    weights = image_weights(keys, replicates=99, seed=1)
    assert (weights[::-1] == image_weights(keys[::-1], replicates=99, seed=1)).all()
    assert (weights[:, :10] == image_weights(keys, replicates=10, seed=1)).all()
    assert (weights != image_weights(keys, replicates=99, seed=2)).any()


def test_an_interval_is_that_of_the_binomial_for_hits_and_misses() -> None:
    flags = [True] * 60 + [False] * 140
    found = scores_of(*hits(flags), rules=RULES).intervals["operating_point.recall_50"]
    spread = 1.96 * np.sqrt(0.3 * 0.7 / 200)
    assert found.low == pytest.approx(0.3 - spread, abs=0.012)
    assert found.high == pytest.approx(0.3 + spread, abs=0.012)


def test_the_same_seed_gives_the_same_interval() -> None:
    flags = [i % 3 == 0 for i in range(90)]
    once, again = (scores_of(*hits(flags), rules=RULES).intervals for _ in range(2))
    other = scores_of(*hits(flags), rules=Rules(CLASSES, "constant", 2000, 8)).intervals
    assert once == again
    assert once != other


def test_a_difference_over_the_same_images_is_paired() -> None:
    before = [i % 2 == 0 for i in range(100)]
    after = [True, *before[1:99], True]  # one image more is right
    first, second = (scores_of(*hits(flags), rules=RULES) for flags in (before, after))
    counted = [part_of(hits(flags), rules=RULES).honest for flags in (before, after)]
    found = compare(first, second, (counted[0], counted[1]), (100, 0, 0))
    change = found.metrics["operating_point.recall_50"]
    assert change.difference == pytest.approx(0.01)
    assert change.low is not None
    assert change.high is not None
    assert 0 <= change.low < change.high < 0.05  # where each run's own interval is 0.2 wide


def test_records_about_one_image_are_resampled_together() -> None:
    lines = [{**each, "image": "images/a/same.jpg"} for each in hits([True, False] * 50, query="x")]
    found = scores_of(*lines, rules=RULES).intervals["grounding.acc_50"]
    assert found == (0.5, 0.5)


def test_an_image_counts_as_the_same_from_whatever_depth_it_is_seen() -> None:
    assert image_key("../../images/val-00000/1.jpg") == image_key("../images/val-00000/1.jpg")
    assert image_key("http://a/val/1.jpg") != image_key("http://b/val/1.jpg")


def test_nothing_defined_has_no_interval() -> None:
    assert interval(np.array([np.nan, np.nan])) is None
    assert scores_of(line(), rules=RULES).intervals == {}
