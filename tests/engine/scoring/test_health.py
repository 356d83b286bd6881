"""Health figures, by hand."""

import pytest

from tests.engine.scoring.made import crowd, line, said, scores_of, target

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
