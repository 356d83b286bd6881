"""The matcher, on cases that can be checked with a pencil."""

from hypothesis import given
from hypothesis import strategies as st

from groundray.engine.scoring.matching import IOU_THRESHOLDS, match
from tests.engine.scoring.made import crowd, line, pairs_of, random_lines, said, target


def test_the_pair_with_the_highest_iou_is_matched_first_whatever_the_order_of_the_answer() -> None:
    # first prediction: 8/10 with the target; second: 9/10
    pairs = pairs_of(
        line([target("cup", (0, 0, 10, 1))], [said("cup", (0, 0, 8, 1)), said("cup", (0, 0, 9, 1))])
    )
    matches = match(pairs)
    assert matches.target_of.tolist() == [-1, 0]
    assert matches.prediction_of.tolist() == [1]
    assert matches.iou.tolist() == [0, 0.9]


def test_a_prediction_that_loses_its_best_target_takes_the_next() -> None:
    # a: 0-10, b: 4-14. p: 0-10 (1 with a); q: 2-12 (8/12 with a, 8/12 with b)
    pairs = pairs_of(
        line(
            [target("cup", (0, 0, 10, 1)), target("cup", (4, 0, 14, 1))],
            [said("cup", (2, 0, 12, 1)), said("cup", (0, 0, 10, 1))],
        )
    )
    matches = match(pairs)
    assert matches.target_of.tolist() == [1, 0]
    assert matches.iou.tolist() == [8 / 12, 1]


def test_of_equal_ious_the_earlier_prediction_and_the_earlier_target_win() -> None:
    twice = [target("cup", (0, 0, 4, 4)), target("cup", (0, 0, 4, 4))]
    pairs = pairs_of(line(twice, [said("cup", (0, 0, 4, 4)) for _ in range(3)]))
    assert match(pairs).target_of.tolist() == [0, 1, -1]


def test_reaching_a_threshold_is_enough() -> None:
    pairs = pairs_of(line([target("cup", (0, 0, 2, 1))], [said("cup", (0, 0, 1, 1))]))
    assert match(pairs).is_right()[0].tolist() == [True] + [False] * 9


def test_other_classes_and_other_images_do_not_match() -> None:
    pairs = pairs_of(
        line([target("cup", (0, 0, 4, 4))], [said("dog", (0, 0, 4, 4))], id="1"),
        line([], [said("cup", (0, 0, 4, 4)), said(None, (0, 0, 4, 4))], id="2"),
    )
    assert match(pairs).target_of.tolist() == [-1, -1, -1]


def test_a_prediction_inside_a_crowd_is_ignored_up_to_the_share_of_it_that_is_inside() -> None:
    # 3/5 of the prediction are inside the crowd
    pairs = pairs_of(line([crowd("cup", (0, 0, 50, 1))], [said("cup", (47, 0, 52, 1))]))
    matches = match(pairs)
    assert not matches.is_right().any()
    assert matches.is_ignored()[0].tolist() == [t <= 0.6 for t in IOU_THRESHOLDS.tolist()]


def test_a_crowd_takes_any_number_of_predictions_and_a_target_goes_before_it() -> None:
    pairs = pairs_of(
        line(
            [crowd("cup", (0, 0, 50, 50)), target("cup", (0, 0, 5, 5))],
            [said("cup", (0, 0, 5, 5)), said("cup", (9, 9, 12, 12)), said("cup", (1, 9, 3, 12))],
        )
    )
    matches = match(pairs)
    assert matches.is_right()[:, 0].tolist() == [True, False, False]
    assert matches.is_ignored()[:, 0].tolist() == [False, True, True]


def test_a_crowd_of_another_class_ignores_nothing() -> None:
    pairs = pairs_of(line([crowd("dog", (0, 0, 50, 50))], [said("cup", (0, 0, 5, 5))]))
    assert not match(pairs).is_ignored().any()


def test_a_point_matches_the_smallest_target_that_it_lies_in_edges_included() -> None:
    pairs = pairs_of(
        line(
            [target("cup", (0, 0, 50, 50)), target("cup", (0, 0, 10, 10))],
            [said("cup", (10, 10, 10, 10)), said("cup", (60, 3, 60, 3)), said("cup", (3, 3, 3, 3))],
            geometry="point",
        )
    )
    assert match(pairs).target_of.tolist() == [1, -1, 0]


def test_inverted_and_infinite_boxes_match_nothing() -> None:
    pairs = pairs_of(
        line(
            [target("cup", (0, 0, 4, 4))],
            [
                said("cup", (4, 4, 0, 0)),
                said("cup", (0, None, 4, 4)),
                said("cup", (0, 0, 1e999, 4)),
            ],
        )
    )
    assert match(pairs).target_of.tolist() == [-1, -1, -1]


@given(seed=st.integers(0, 10_000))
def test_matches_are_those_of_the_rule_taken_one_pair_at_a_time(seed: int) -> None:
    pairs = pairs_of(*random_lines(seed, 6))
    matches = match(pairs)
    expected = [-1] * len(pairs.prediction_xyxy)
    free = set(range(len(pairs.target_xyxy)))
    overlaps = zip(*(column.tolist() for column in matches.overlaps), strict=True)
    for prediction, other, iou in sorted(overlaps, key=lambda each: (-each[2], each[0], each[1])):
        same = pairs.prediction_class[prediction] == pairs.target_class[other]
        allowed = same and not pairs.is_crowd[other] and iou >= 0.5
        if allowed and expected[prediction] < 0 and other in free:
            expected[prediction] = other
            free.remove(other)
    assert matches.target_of.tolist() == expected


@given(seed=st.integers(0, 10_000))
def test_the_matching_at_a_higher_threshold_is_part_of_that_at_a_lower_one(seed: int) -> None:
    right = match(pairs_of(*random_lines(seed, 6))).is_right()
    assert (right[:, 1:] <= right[:, :-1]).all()
