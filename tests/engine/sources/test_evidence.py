"""How boxes are written, by what the boxes of a sample bear out."""

import numpy as np
import pytest
from numpy.typing import NDArray

from groundray.engine.boxes import Space
from groundray.engine.sources.evidence import Reading, judge
from groundray.engine.sources.layout import Order
from groundray.engine.sources.sample import Sample
from groundray.formats.errors import LayoutError

Floats = NDArray[np.float64]


def boxes(count: int, size: tuple[int, int] = (640, 480), *, seed: int = 0) -> Floats:
    """Boxes all over an image, `xyxy` in pixels; one in ten touches the right or the lower edge."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 1, (count, 2, 2))
    xyxy = np.sort(corners, axis=1) * np.array(size)
    xyxy[::10, 1] = size
    flat: Floats = xyxy.reshape(-1, 4)
    return flat


def write(xyxy: Floats, order: Order, space: Space, size: tuple[int, int] = (640, 480)) -> Floats:
    """The same boxes in another convention."""
    if space != "pixels":
        xyxy = xyxy / np.tile(size, 2)
    if space == "grid1000":
        xyxy = np.round(xyxy * 1000)
    x1, y1, x2, y2 = xyxy.T
    written: dict[Order, Floats] = {
        "xyxy": xyxy,
        "xywh": np.stack([x1, y1, x2 - x1, y2 - y1], axis=1),
        "cxcywh": np.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], axis=1),
    }
    return written[order]


def sample_of(
    numbers: Floats, *, size: tuple[int, int] | None = (640, 480), area: Floats | None = None
) -> Sample:
    sizes = np.full((len(numbers), 2), np.nan if size is None else size, dtype=np.float64)
    known = np.full(len(numbers), np.nan) if area is None else area
    return Sample(numbers, sizes, known, None, frozenset(), "columns" if size else "nothing")


@pytest.mark.parametrize("space", ["pixels", "unit"])
@pytest.mark.parametrize("order", ["xyxy", "xywh", "cxcywh"])
def test_a_convention_is_found(order: Order, space: Space) -> None:
    numbers = write(boxes(500), order, space)
    assert judge(sample_of(numbers), order=None, space=None).reading == (order, space)


@pytest.mark.parametrize("order", ["xyxy", "xywh"])
@pytest.mark.parametrize("size", [(640, 480), (1920, 1080), (3000, 4000)])
def test_the_grid_is_found(order: Order, size: tuple[int, int]) -> None:
    numbers = write(boxes(500, size), order, "grid1000", size)
    assert judge(sample_of(numbers, size=size), order=None, space=None).reading == (
        order,
        "grid1000",
    )


@pytest.mark.parametrize("size", [(500, 375), (1024, 768), (1920, 1080)])
def test_whole_pixels_are_not_taken_for_the_grid(size: tuple[int, int]) -> None:
    numbers = np.round(boxes(500, size))
    assert judge(sample_of(numbers, size=size), order=None, space=None).reading == (
        "xyxy",
        "pixels",
    )


def test_one_odd_box_in_a_hundred_is_forgiven_and_one_in_ten_is_not() -> None:
    numbers = boxes(500)
    numbers[:5] = [300, 200, 20, 30]  # inverted corners, or a small box by its width and height
    verdict = judge(sample_of(numbers), order=None, space=None)
    assert verdict.reading == ("xyxy", "pixels")
    assert verdict.shares[Reading("xyxy", "pixels")] == pytest.approx(0.01)
    numbers[:50] = [300, 200, 20, 30]
    with pytest.raises(LayoutError, match="how the boxes are written is not settled"):
        judge(sample_of(numbers), order=None, space=None)


def test_boxes_that_no_reading_explains_tell_nothing_unless_they_are_many() -> None:
    numbers = boxes(500)
    numbers[:20] = [900, 200, 20, 30]  # outside, whichever way
    verdict = judge(sample_of(numbers), order=None, space=None)
    assert verdict.shares[Reading("xyxy", "pixels")] == 0
    numbers[:30] = [900, 200, 20, 30]
    with pytest.raises(LayoutError, match="how the boxes are written is not settled"):
        judge(sample_of(numbers), order=None, space=None)


def test_boxes_may_overhang_their_image_a_little() -> None:
    numbers = boxes(500) + np.array([-1.5, -1.5, 1.5, 1.5])
    assert judge(sample_of(numbers), order=None, space=None).reading == ("xyxy", "pixels")


def test_a_box_area_tells_orders_apart_that_places_do_not() -> None:
    rng = np.random.default_rng(1)
    xywh = np.hstack([rng.uniform(200, 250, (300, 2)), rng.uniform(5, 40, (300, 2))])
    with pytest.raises(LayoutError, match=r"xywh in pixels 0\.0%"):
        judge(sample_of(xywh), order=None, space=None)
    area = xywh[:, 2] * xywh[:, 3]
    with pytest.raises(LayoutError, match=r"cxcywh in pixels 0\.0%"):
        judge(sample_of(xywh, area=area), order=None, space=None)
    xyxy = np.hstack([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]])
    assert judge(sample_of(xyxy, area=area), order=None, space=None).reading.order == "xyxy"


def test_an_area_smaller_than_the_box_is_a_segment_and_no_contradiction() -> None:
    xyxy = boxes(500)
    area = 0.3 * np.prod(xyxy[:, 2:] - xyxy[:, :2], axis=1)
    assert judge(sample_of(xyxy, area=area), order=None, space=None).reading.order == "xyxy"


def test_an_area_larger_than_the_box_contradicts() -> None:
    xyxy = boxes(500)
    area = 3 * np.prod(xyxy[:, 2:] - xyxy[:, :2], axis=1)
    with pytest.raises(LayoutError):
        judge(sample_of(xyxy, area=area), order=None, space=None)


def test_without_sizes_of_images_corners_and_sizes_cannot_be_told_apart() -> None:
    with pytest.raises(LayoutError, match="image sizes unknown"):
        judge(sample_of(boxes(500), size=None), order=None, space=None)


def test_what_is_declared_is_not_put_to_the_question() -> None:
    verdict = judge(sample_of(boxes(500), size=None), order="xyxy", space=None)
    assert verdict.reading == ("xyxy", "pixels")
    assert {reading.order for reading in verdict.shares} == {"xyxy"}
