"""Precision, recall and F1 by hand arithmetic, and what must hold whatever the boxes are."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundray.engine.scoring.tallies import Rules
from tests.engine.scoring.made import CLASSES, line, part_of, random_lines, said, scores_of, target

# cup: 2 targets, 1 found at IoU 0.8; dog: 1 target, not found; 1 box of an invented class
LINE = line(
    [
        target("cup", (0, 0, 10, 10)),
        target("cup", (50, 50, 60, 60)),
        target("dog", (80, 80, 90, 90)),
    ],
    [said("cup", (0, 0, 10, 8)), said("car", (30, 30, 40, 40)), said("blob", (70, 0, 80, 9))],
)


def test_micro_figures_count_all_boxes_and_invented_classes_as_false() -> None:
    point = scores_of(LINE).operating_point
    assert (point.targets, point.predictions) == (3, 3)
    assert (point.true_positives_50, point.false_positives_50, point.false_negatives_50) == (
        1,
        2,
        2,
    )
    assert point.precision_50 == pytest.approx(1 / 3)
    assert point.recall_50 == pytest.approx(1 / 3)
    assert point.f1_50 == pytest.approx(1 / 3)
    assert point.f1_75 == pytest.approx(1 / 3)
    assert point.f1_mean == pytest.approx(7 / 10 * 1 / 3)  # right from 0.5 to 0.8
    assert point.mean_iou == pytest.approx(0.8)


def test_macro_figures_are_means_over_classes_with_targets() -> None:
    point = scores_of(LINE).operating_point
    assert point.macro_precision_50 == pytest.approx((1 + 0) / 2)
    assert point.macro_recall_50 == pytest.approx((1 / 2 + 0) / 2)
    assert point.macro_f1_50 == pytest.approx((2 / 3 + 0) / 2)
    assert point.macro_recall_75 == pytest.approx((1 / 2 + 0) / 2)
    assert point.macro_precision_mean == pytest.approx(7 / 10 * (1 + 0) / 2)


def test_what_cannot_be_divided_is_null() -> None:
    point = scores_of(line()).operating_point
    assert point.precision_50 is point.recall_50 is point.f1_50 is point.mean_iou is None
    assert point.macro_f1_50 is None
    nothing_found = scores_of(line([target("cup", (0, 0, 1, 1))])).operating_point
    assert (nothing_found.precision_50, nothing_found.recall_50, nothing_found.f1_50) == (
        None,
        0,
        0,
    )


def test_sizes_are_those_of_targets_and_of_the_boxes_that_are_false() -> None:
    scores = scores_of(
        line(
            [target("cup", (0, 0, 31, 33)), target("cup", (0, 0, 50, 50), area=100.0)],
            [said("cup", (0, 0, 31, 33)), said("dog", (0, 0, 96, 96))],
        )
    )
    by_size = {each.group: each for each in scores.by_size}
    assert [by_size[s].targets for s in ("small", "medium", "large")] == [2, 0, 0]
    assert [by_size[s].predictions for s in ("small", "medium", "large")] == [1, 0, 1]
    assert by_size["small"].recall_50 == 0.5
    assert by_size["large"].precision_50 == 0


def test_records_are_grouped_by_how_much_there_is_to_find() -> None:
    scores = scores_of(LINE, line([], [said("cup", (0, 0, 1, 1))], id="2"))
    groups = {each.group: each for each in scores.by_objects}
    assert {g: each.records for g, each in groups.items() if each.records} == {"0": 1, "3-5": 1}
    assert groups["3-5"].true_positives_50 == 1


def test_each_class_has_its_row_and_so_has_what_is_no_class() -> None:
    rows = {row.category: row for row in scores_of(LINE).by_class}
    assert list(rows) == ["cup", "dog", "car", "(not in the list)"]
    assert rows["cup"].f1_50 == pytest.approx(2 / 3)
    assert rows["car"].precision_50 == 0
    assert rows["car"].recall_50 is None
    assert rows["(not in the list)"].predictions == 1
    assert rows["cup"].errors["missed"] == 1


@given(seed=st.integers(0, 10_000))
def test_perfect_predictions_are_perfect(seed: int) -> None:
    lines = [
        {
            **each,
            "issues": [],
            "predictions": [
                said(one["category"], one["xyxy"]) for one in each["targets"] if not one["iscrowd"]
            ],
        }
        for each in random_lines(seed, 6)
    ]
    scores = scores_of(*lines)
    if scores.operating_point.targets:
        figures = scores.operating_point
        assert figures.f1_50 == figures.f1_mean == figures.macro_f1_50 == figures.mean_iou == 1
        assert (scores.coco.AP or 0) > 1 - 1e-12


@given(seed=st.integers(0, 10_000))
def test_one_more_false_positive_never_raises_precision_or_recall(seed: int) -> None:
    lines = random_lines(seed, 5)
    before = scores_of(*lines).operating_point
    lines[0]["predictions"].append(said("cup", (90, 90, 99, 99)))
    after = scores_of(*lines).operating_point
    for name in ("precision_50", "precision_75", "precision_mean", "f1_50", "f1_mean"):
        assert (getattr(after, name) or 0) <= (getattr(before, name) or 1)
    assert after.recall_50 == before.recall_50


@given(seed=st.integers(0, 10_000))
def test_an_answer_that_cannot_be_read_never_raises_what_counts_hits(seed: int) -> None:
    lines = random_lines(seed, 5)
    before = scores_of(*lines)
    lines[0] = {**lines[0], "predictions": [], "issues": ["unparsable"]}
    after = scores_of(*lines)
    for name in ("recall_50", "recall_75", "recall_mean", "macro_recall_50"):
        low, high = getattr(after.operating_point, name), getattr(before.operating_point, name)
        assert high is None or low <= high


@given(seed=st.integers(0, 10_000), order=st.randoms(use_true_random=False))
def test_the_order_of_images_is_irrelevant(seed: int, order: Random) -> None:
    lines = random_lines(seed, 12)
    shuffled = order.sample(lines, len(lines))
    rules = Rules(CLASSES, "constant", 50, 3)
    assert scores_of(*lines, rules=rules) == scores_of(*shuffled, rules=rules)


@given(seed=st.integers(0, 10_000), batch=st.integers(1, 7))
def test_one_part_gives_exactly_what_many_parts_give(seed: int, batch: int) -> None:
    lines = random_lines(seed, 14)
    rules = Rules(CLASSES, "order", 50, 3)
    whole, parts = part_of(lines, rules=rules), part_of(lines, rules=rules, batch=batch)
    for protocol in ("honest", "published"):
        one, many = getattr(whole, protocol), getattr(parts, protocol)
        assert (one.records == many.records).all()
        assert (one.classes == many.classes).all()
        assert (one.replicates == many.replicates).all()
        assert (one.class_replicates == many.class_replicates).all()
        assert one.confusion == many.confusion
        assert one.coco[0].finish("order")[0] == many.coco[0].finish("order")[0]
    assert whole.diagnosed.health == parts.diagnosed.health
    assert (whole.diagnosed.ceiling == parts.diagnosed.ceiling).all()
