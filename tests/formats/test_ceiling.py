import numpy as np
import pytest

from groundray.formats import get_format
from groundray.formats.ceiling import boxes_by_area, paired_iou, quantisation_ceiling


def test_iou_by_hand() -> None:
    a = np.array([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [5, 5, 5, 5]])
    b = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [5, 5, 5, 5]])
    assert paired_iou(a, b).tolist() == pytest.approx([1, 1 / 3, 0, 0])


def test_boxes_have_the_areas_that_were_asked_for_and_lie_inside() -> None:
    xyxy = boxes_by_area(32.0**2, 96.0**2)
    area = np.prod(xyxy[:, 2:] - xyxy[:, :2], axis=1)
    assert area.min() >= 32**2 - 1e-6
    assert area.max() <= 96**2 + 1e-6
    assert xyxy.min() >= 0
    assert (xyxy[:, 2:] <= [640, 480]).all()


def test_the_same_boxes_every_time() -> None:
    first = boxes_by_area(16, 1024)
    boxes_by_area.cache_clear()
    assert np.array_equal(boxes_by_area(16, 1024), first)


def test_larger_objects_lose_less() -> None:
    ceilings = quantisation_ceiling(get_format("qwen3-vl"))
    assert [ceiling.size for ceiling in ceilings] == ["small", "medium", "large"]
    means = [ceiling.mean for ceiling in ceilings]
    assert means == sorted(means)
    assert all(ceiling.low <= ceiling.mean < 1 for ceiling in ceilings)


def test_the_ceiling_of_a_grid_of_a_thousand_steps() -> None:
    small, medium, large = quantisation_ceiling(get_format("qwen3-vl"))
    # An edge is off by a quarter of a step on average, 0.16 and 0.12 pixels, and a box loses about
    # that from all four sides: 4 * 0.14 / 62 of a medium box of 62 pixels.
    assert medium.mean == pytest.approx(1 - 4 * 0.14 / 62, abs=0.003)
    assert small.mean > 0.9
    assert large.mean > 0.995
