"""The published protocol beside the honest one."""

import pytest

from groundray.engine.scoring.scores import Headline
from tests.engine.scoring.made import Line, line, said, scores_of, target

CUP, DOG = target("cup", (0, 0, 10, 10)), target("dog", (40, 40, 50, 50))


def headlines(*lines: Line) -> tuple[Headline, Headline]:
    protocols = scores_of(*lines).protocols
    return protocols["honest"], protocols["published"]


@pytest.mark.parametrize("label", ["blob", None])
def test_boxes_without_a_known_label_are_dropped(label: str | None) -> None:
    honest, published = headlines(
        line([CUP], [said("cup", (0, 0, 10, 10)), said(label, (50, 50, 60, 60))])
    )
    assert honest.precision_50 == 1 / 2
    assert published.precision_50 == 1


def test_labels_are_compared_without_case() -> None:
    honest, published = headlines(line([CUP], [said("Cup", (0, 0, 10, 10))]))
    assert (honest.recall_50, honest.AP) == (0, 0)
    assert (published.recall_50, published.AP) == pytest.approx((1, 1))


def test_an_answer_that_was_cut_off_counts_as_no_boxes() -> None:
    cut = line(
        [CUP, DOG], [said("cup", (0, 0, 10, 10)), said("car", (0, 0, 3, 3))], issues=["truncated"]
    )
    honest, published = headlines(cut)
    assert (honest.precision_50, honest.recall_50) == (1 / 2, 1 / 2)
    assert (published.precision_50, published.recall_50) == (None, 0)


def test_a_box_that_is_left_out_leaves_the_others() -> None:
    honest, published = headlines(line([CUP], [said("cup", (0, 0, 10, 10))], issues=["bad_box"]))
    assert honest == published


def test_the_protocol_decides_whose_numbers_are_the_runs() -> None:
    lines = [line([CUP], [said("cup", (0, 0, 10, 10)), said("blob", (50, 50, 60, 60))])]
    honest, published = scores_of(*lines), scores_of(*lines, protocol="published")
    assert honest.operating_point.precision_50 == 1 / 2
    assert published.operating_point.precision_50 == 1
    assert honest.protocols == published.protocols
