"""Answers to expressions, by hand."""

from typing import Any

import pytest

from groundray.engine.scoring.grounding import Grounding
from tests.engine.scoring.made import Line, line, said, scores_of, target

CUP = target("cup", (0, 0, 10, 10))


def asked(targets: list[dict[str, Any]], predictions: list[dict[str, Any]], **other: Any) -> Line:
    return line(targets, predictions, query="the red cup", task="grounding", **other)


def grounding_of(*lines: Line) -> Grounding:
    found = scores_of(*lines).grounding
    assert found is not None
    return found


def test_failures_count_as_zero() -> None:
    found = grounding_of(
        asked([CUP], [said(None, (0, 0, 10, 8))], id="1"),
        asked([CUP], [], id="2", issues=["unparsable"]),
        asked([CUP], [], id="3", error="bad_image: no"),
        asked([CUP], [said("the red cup", (0, 0, 10, 4))], id="4"),
    )
    assert found.expressions == 4
    assert found.acc_50 == 1 / 4
    assert found.acc_75 == 1 / 4
    assert found.mean_iou == pytest.approx((0.8 + 0.4) / 4)


def test_only_the_first_box_counts_and_only_exact_answers_are_exact() -> None:
    right, wrong = said(None, (0, 0, 10, 10)), said(None, (50, 50, 60, 60))
    found = grounding_of(
        asked([CUP], [right], id="1"),
        asked([CUP], [right, wrong], id="2"),
        asked([CUP], [wrong, right], id="3"),
    )
    assert found.acc_50 == pytest.approx(2 / 3)
    assert found.exact_50 == pytest.approx(1 / 3)


def test_labels_of_an_answer_to_an_expression_do_not_matter() -> None:
    scores = scores_of(asked([CUP], [said("dog", (0, 0, 10, 10))]))
    assert scores.operating_point.f1_50 == 1
    assert scores.health.invented_classes == scores.health.unlabelled == 0
    assert scores.coco.AP is None


def test_nothing_there_must_be_said_and_not_mumbled() -> None:
    found = grounding_of(
        asked([], [], id="1"),
        asked([], [], id="2", issues=["unparsable"]),
        asked([], [], id="3", error="lost"),
        asked([], [said(None, (0, 0, 5, 5))], id="4"),
    )
    assert found.absent == 4
    assert found.rejection_accuracy == 1 / 4
    assert found.acc_50 is None


def test_published_takes_a_mumbled_answer_for_nothing_there() -> None:
    lines = [asked([], [], id="1"), asked([], [], id="2", issues=["unparsable"])]
    scores = scores_of(*lines)
    assert scores.protocols["honest"].rejection_accuracy == 1 / 2
    assert scores.protocols["published"].rejection_accuracy == 1


def test_points_hit_where_they_lie_inside() -> None:
    found = grounding_of(
        asked([CUP], [said(None, (5, 5, 5, 5))], id="1", geometry="point"),
        asked([CUP], [said(None, (15, 5, 15, 5))], id="2", geometry="point"),
    )
    assert found.acc_50 == 1 / 2
    assert found.mean_iou is None


def test_expressions_need_no_list_of_classes() -> None:
    scores = scores_of(
        asked([target("a chair that is not listed", (0, 0, 4, 4))], [said(None, (0, 0, 4, 4))])
    )
    assert scores.operating_point.f1_50 == 1
    assert [row.category for row in scores.by_class][-1] == "(expression)"
