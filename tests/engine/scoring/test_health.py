"""Health figures, by hand."""

from time import thread_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundray.engine.scoring.duplicates import is_duplicate
from groundray.engine.scoring.overlaps import iou_of
from tests.engine.scoring.made import CLASSES, crowd, line, pairs_of, said, scores_of, target

CUP = target("cup", (0, 0, 10, 10))


def test_answers_are_counted_by_what_is_wrong_with_them() -> None:
    health = scores_of(
        line([CUP], [], id="1", issues=["unparsable"]),
        line([CUP], [], id="2", issues=["truncated", "bad_box"], finish="length"),
        line([CUP], [], id="3", finish="length"),
        line([], [], id="4"),
        line([CUP], [], id="5", error="missing_image: a.jpg"),
        line([CUP], [], id="6", error="missing_image: b.jpg", num_tokens=None),
    ).health
    assert health.records == 6
    assert health.issues == {"bad_box": 1, "truncated": 1, "unparsable": 1}
    assert health.unsound == 2
    assert health.truncated == 2
    assert health.errors == {"missing_image": 2}
    assert health.empty_answers == 2
    assert health.mean_tokens == 5


def test_boxes_are_counted_by_what_is_wrong_with_them() -> None:
    health = scores_of(
        line(
            [CUP],
            [
                said("cup", (-1, 0, 10, 10)),
                said("cup", (0, 0, 100, 100.0005)),
                said("blob", (5, 5, 5, 9)),
                said("blob", (9, 5, 7, 9)),
                said("bits", (0, 0, 101, 100)),
                said(None, (0, 0, 4, 4)),
            ],
        )
    ).health
    assert health.predictions == 6
    assert health.out_of_range == 2
    assert health.degenerate == 2
    assert health.invented_classes == 3
    assert [(each.name, each.count) for each in health.invented_names] == [("blob", 2), ("bits", 1)]
    assert health.invented_share == 1 / 2
    assert health.unlabelled == 1


def test_a_box_is_a_duplicate_of_an_earlier_one_of_its_class_above_0_9() -> None:
    health = scores_of(
        line(
            [],
            [
                said("cup", (0, 0, 100, 10)),
                said("cup", (0, 0, 91, 10)),  # 0.91
                said("cup", (0, 0, 90, 10)),  # 0.9 with the first, 0.989 with the second
                said("cup", (0, 0, 81, 10)),  # 0.9 with the third at most
                said("dog", (0, 0, 100, 10)),
                said("blob", (0, 0, 100, 10)),
                said("bits", (0, 0, 100, 10)),
            ],
        ),
    ).health
    assert health.duplicates == 2
    assert health.duplicates_share == pytest.approx(2 / 7)


def test_counts_are_compared_record_by_record() -> None:
    health = scores_of(
        line([CUP, CUP, crowd("cup", (0, 0, 5, 5))], [said("cup", (0, 0, 1, 1))], id="1"),
        line([], [said("cup", (0, 0, 1, 1)), said("cup", (5, 5, 9, 9))], id="2"),
        line([], [], id="3"),
    ).health
    assert health.count_error == (1 + 2 + 0) / 3
    assert health.count_bias == (-1 + 2 + 0) / 3
    assert health.empty_images == 2
    assert health.false_boxes_on_empty_images == 2
    assert health.empty_images_with_boxes == 1


@given(seed=st.integers(0, 10_000))
def test_duplicates_are_those_that_comparing_every_two_boxes_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lines = []
    for number in range(3):
        centres = rng.uniform(20, 80, (3, 4)) * [1, 1, 0, 0] + [0, 0, 20, 20]
        boxes = centres[rng.integers(0, 3, 12)] + rng.normal(0, 0.7, (12, 4)).round(1)
        boxes[:, 2:] += boxes[:, :2]
        boxes[rng.random(12) < 0.2] = boxes[0]
        boxes[rng.random(12) < 0.1, 2:] = 0
        predictions = [said(CLASSES[rng.integers(2)], box) for box in boxes.tolist()]
        lines.append(line([], predictions, id=str(number)))
    pairs = pairs_of(*lines)
    expected = []
    for later in range(len(pairs.prediction_xyxy)):
        earlier = np.arange(later)
        earlier = earlier[
            (pairs.prediction_record[:later] == pairs.prediction_record[later])
            & (pairs.prediction_class[:later] == pairs.prediction_class[later])
        ]
        a = np.repeat(pairs.prediction_xyxy[later : later + 1], len(earlier), axis=0)
        no_crowds = np.zeros(len(a), dtype=np.bool_)
        iou = iou_of(a, pairs.prediction_xyxy[earlier], crowd_b=no_crowds)
        expected.append(bool((iou > 0.9).any()))
    assert is_duplicate(pairs).tolist() == expected


def test_equal_points_are_duplicates() -> None:
    points = [said("cup", (3, 3, 3, 3)), said("cup", (3, 3, 3, 3)), said("cup", (4, 3, 4, 3))]
    assert scores_of(line([], points, geometry="point")).health.duplicates == 1


def test_a_runaway_answer_takes_seconds_at_most() -> None:
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 80, (20_000, 2))
    boxes = np.hstack([corner, corner + 10]).tolist()
    started = thread_time()
    scores_of(line([CUP] * 20, [said("cup", box) for box in boxes], id="1"))
    scores_of(line([CUP] * 20, [said("cup", (0, 0, 10, 10))] * 20_000, id="2"))
    assert thread_time() - started < 20
