"""Kinds of mistakes, one case each."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundray.engine.scoring.error_kinds import KINDS, find_error_kinds
from groundray.engine.scoring.matching import match
from tests.engine.scoring.made import crowd, line, pairs_of, random_lines, said, scores_of, target

CUP = target("cup", (0, 0, 10, 10))


@pytest.mark.parametrize(
    ("targets", "predictions", "kinds", "target_kinds"),
    [
        ([CUP], [said("cup", (0, 0, 10, 10))], ["right"], ["right"]),
        ([CUP], [], [], ["missed"]),
        ([CUP], [said("cup", (50, 50, 60, 60))], ["invented"], ["missed"]),
        ([], [said("cup", (50, 50, 60, 60))], ["invented"], []),
        ([CUP], [said("cup", (0, 0, 10, 4))], ["misplaced"], ["misplaced"]),  # IoU 0.4
        ([CUP], [said("cup", (0, 0, 10, 0.9))], ["invented"], ["missed"]),  # IoU 0.09
        ([CUP], [said("dog", (0, 0, 10, 10))], ["mislabelled"], ["mislabelled"]),
        ([CUP], [said("blob", (0, 0, 10, 10))], ["mislabelled"], ["mislabelled"]),
        ([CUP], [said(None, (0, 0, 10, 10))], ["mislabelled"], ["mislabelled"]),
        ([CUP], [said("dog", (0, 0, 10, 4))], ["invented"], ["missed"]),
        ([CUP], [said("cup", (0, 0, 10, 9)), said("cup", (0, 0, 10, 10))],
         ["duplicate", "right"], ["right"]),
        ([CUP, target("dog", (0, 0, 10, 10))],
         [said("cup", (0, 0, 10, 10)), said("cup", (0, 0, 10, 9))],
         ["right", "duplicate"], ["right", "missed"]),
        ([crowd("cup", (0, 0, 10, 10))], [said("cup", (0, 0, 3, 3))], ["ignored"], ["ignored"]),
        ([crowd("cup", (0, 0, 10, 10))], [said("dog", (0, 0, 3, 3))], ["invented"], ["ignored"]),
    ],
)  # fmt: skip
def test_each_mistake_has_its_kind(
    targets: list[dict[str, Any]],
    predictions: list[dict[str, Any]],
    kinds: list[str],
    target_kinds: list[str],
) -> None:
    pairs = pairs_of(line(targets, predictions))
    found = find_error_kinds(pairs, match(pairs))
    assert [KINDS[kind] for kind in found.prediction] == kinds
    assert [KINDS[kind] for kind in found.target] == target_kinds


@given(seed=st.integers(0, 10_000))
def test_kinds_add_up_to_false_positives_and_false_negatives(seed: int) -> None:
    scores = scores_of(*random_lines(seed, 8))
    point = scores.operating_point
    assert sum(kind.predictions for kind in scores.errors) == point.false_positives_50
    assert sum(kind.targets for kind in scores.errors) == point.false_negatives_50


def test_fixing_a_kind_tells_what_it_costs() -> None:
    # one right, one missed, one misplaced with its target waiting, two invented
    scores = scores_of(
        line(
            [CUP, target("cup", (20, 20, 30, 30)), target("cup", (40, 40, 50, 50))],
            [
                said("cup", (0, 0, 10, 10)),
                said("cup", (20, 20, 30, 24)),
                said("dog", (80, 80, 90, 90)),
                said("car", (80, 80, 90, 90)),
            ],
        )
    )
    assert scores.operating_point.f1_50 == 2 * 1 / (4 + 3)
    fixed = {kind.kind: kind.f1_50_if_fixed for kind in scores.errors}
    assert fixed == {
        "missed": 2 * 2 / (5 + 3),  # a box more
        "invented": 2 * 1 / (2 + 3),  # two boxes fewer
        "misplaced": 2 * 2 / (4 + 3),
        "mislabelled": 2 * 1 / (4 + 3),
        "duplicate": 2 * 1 / (4 + 3),
    }


def test_confusion_names_both_classes() -> None:
    scores = scores_of(
        line([CUP], [said("dog", (0, 0, 10, 10))], id="1"),
        line([CUP], [said("dog", (0, 0, 10, 10)), said("blob", (0, 0, 10, 9))], id="2"),
    )
    assert [(c.target, c.prediction, c.count) for c in scores.confusion] == [
        ("cup", "dog", 2),
        ("cup", "(not in the list)", 1),
    ]
