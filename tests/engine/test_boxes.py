import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from PIL import Image, ImageOps

from groundray.engine.boxes import (
    REASONS,
    clean,
    cxcywh_to_xyxy,
    is_in_displayed_frame,
    scale_to_pixels,
    turn_to_stored,
    xywh_to_xyxy,
)
from groundray.engine.records import FloatArray

SIZE = np.array([[640.0, 480.0]])

any_boxes = hnp.arrays(
    np.float64, st.tuples(st.integers(0, 20), st.just(4)), elements=st.floats(width=64)
)
boxes_in_pixels = hnp.arrays(
    np.float64,
    st.tuples(st.integers(0, 20), st.just(4)),
    elements=st.integers(-1000, 1000).map(float),
)


def sizes_for(xyxy: FloatArray, *size: float) -> FloatArray:
    return np.tile(np.array([size], dtype=np.float64), (len(xyxy), 1))


def test_xywh_has_its_corner_first() -> None:
    assert_array_equal(xywh_to_xyxy(np.array([[10.0, 20, 30, 40]])), [[10, 20, 40, 60]])


def test_cxcywh_has_its_centre_first() -> None:
    assert_array_equal(cxcywh_to_xyxy(np.array([[25.0, 40, 30, 40]])), [[10, 20, 40, 60]])


@pytest.mark.parametrize(
    ("space", "box"),
    [
        ("pixels", [64, 120, 320, 480]),
        ("unit", [0.1, 0.25, 0.5, 1]),
        ("grid1000", [100, 250, 500, 1000]),
    ],
)
def test_every_space_gives_the_same_pixels(space: str, box: list[float]) -> None:
    pixels = scale_to_pixels(np.array([box], dtype=np.float64), space, SIZE)  # type: ignore[arg-type]
    assert_array_equal(pixels, [[64, 120, 320, 480]])


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ([10, 20, 30, 40], "kept"),
        ([0, 0, 640, 480], "kept"),
        ([-5, 20, 30, 490], "kept"),
        ([np.nan, 20, 30, 40], "not_finite"),
        ([10, 20, np.inf, 40], "not_finite"),
        ([-np.inf, 20, 30, 40], "not_finite"),
        ([30, np.nan, 10, 40], "not_finite"),
        ([30, 20, 10, 40], "inverted"),
        ([10, 40, 30, 20], "inverted"),
        ([30, 20, 10, 20], "inverted"),
        ([900, 20, 800, 40], "inverted"),
        ([10, 20, 10, 40], "zero_area"),
        ([10, 20, 30, 20], "zero_area"),
        ([700, 20, 700, 40], "zero_area"),
        ([640, 20, 700, 40], "outside"),
        ([-30, 20, 0, 40], "outside"),
        ([10, 500, 30, 600], "outside"),
    ],
)
def test_a_box_is_dropped_for_its_first_reason(box: list[float], reason: str) -> None:
    cleaned = clean(np.array([box], dtype=np.float64), SIZE)
    assert REASONS[cleaned.reason[0]] == reason
    assert cleaned.keep[0] == (reason == "kept")


def test_an_overhanging_box_is_clipped_and_flagged() -> None:
    xyxy = np.array([[-5.0, 20, 30, 490], [10, 20, 30, 40], [700, 20, 900, 40]])
    cleaned = clean(xyxy, sizes_for(xyxy, 640, 480))
    assert_array_equal(cleaned.xyxy[:2], [[0, 20, 30, 480], [10, 20, 30, 40]])
    assert_array_equal(cleaned.clipped, [True, False, False])


def test_a_negative_zero_is_zero() -> None:
    cleaned = clean(np.array([[-0.0, -0.0, 30, 40]]), SIZE)
    assert not np.signbit(cleaned.xyxy).any()
    assert_array_equal(cleaned.clipped, [False])


def test_each_box_is_judged_by_its_own_image() -> None:
    xyxy = np.array([[10.0, 10, 90, 90], [10, 10, 90, 90]])
    cleaned = clean(xyxy, np.array([[100.0, 100.0], [50.0, 8.0]]))
    assert_array_equal(cleaned.keep, [True, False])


def test_every_dead_box_has_its_reason() -> None:
    xyxy = np.array([[1.0, 1, 2, 2], [2, 1, 1, 2], [3, 1, 1, 2], [np.nan, 1, 1, 2]])
    reasons = [REASONS[code] for code in clean(xyxy, sizes_for(xyxy, 9, 9)).reason.tolist()]
    assert reasons == ["kept", "inverted", "inverted", "not_finite"]


def test_no_boxes_are_no_trouble() -> None:
    cleaned = clean(np.empty((0, 4)), np.empty((0, 2)))
    assert cleaned.xyxy.shape == (0, 4)
    assert len(cleaned.reason) == 0


@given(any_boxes)
def test_a_kept_box_has_area_inside_its_image(xyxy: FloatArray) -> None:
    cleaned = clean(xyxy, sizes_for(xyxy, 640, 480))
    kept = cleaned.xyxy[cleaned.keep]
    assert (kept[:, :2] >= 0).all()
    assert (kept[:, 2:] <= SIZE).all()
    assert (kept[:, :2] < kept[:, 2:]).all()
    assert_array_equal(cleaned.keep, cleaned.reason == REASONS.index("kept"))


@given(any_boxes)
def test_cleaning_twice_changes_nothing_more(xyxy: FloatArray) -> None:
    once = clean(xyxy, sizes_for(xyxy, 640, 480))
    kept = once.xyxy[once.keep]
    twice = clean(kept, sizes_for(kept, 640, 480))
    assert_array_equal(twice.xyxy, kept)
    assert not twice.clipped.any()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_agrees_with_what_pillow_displays(orientation: int) -> None:
    stored_box = (3, 5, 11, 9)
    stored = Image.new("L", (40, 24))
    stored.paste(255, stored_box)
    stored.getexif()[0x0112] = orientation
    displayed_box = ImageOps.exif_transpose(stored).getbbox()
    turned = turn_to_stored(
        np.array([displayed_box], dtype=np.float64), np.array([orientation]), np.array([[40.0, 24]])
    )
    assert_array_equal(turned, [stored_box])


def test_boxes_of_differently_turned_images_turn_together() -> None:
    xyxy = np.array([[1.0, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4]])
    sizes = np.array([[10.0, 20], [10, 20], [20, 10]])
    turned = turn_to_stored(xyxy, np.array([1, 3, 6]), sizes)
    assert_array_equal(turned, [[1, 2, 3, 4], [7, 16, 9, 18], [2, 7, 4, 9]])


@given(boxes_in_pixels, st.integers(1, 8))
def test_turning_keeps_area_and_inversion(xyxy: FloatArray, orientation: int) -> None:
    turned = turn_to_stored(xyxy, np.full(len(xyxy), orientation), sizes_for(xyxy, 640, 480))
    before, after = xyxy[:, 2:] - xyxy[:, :2], turned[:, 2:] - turned[:, :2]
    assert_array_equal(after, before[:, ::-1] if orientation >= 5 else before)


@pytest.mark.parametrize(
    ("orientation", "declared", "stored", "expected"),
    [
        (6, (480, 640), (640, 480), True),
        (8, (480, 640), (640, 480), True),
        (6, (640, 480), (640, 480), False),
        (6, (0, 0), (640, 480), False),
        (6, (500, 500), (500, 500), False),
        (3, (480, 640), (640, 480), False),
        (1, (480, 640), (640, 480), False),
    ],
)
def test_boxes_are_taken_as_displayed_only_on_the_sizes_word(
    orientation: int, declared: tuple[int, int], stored: tuple[int, int], *, expected: bool
) -> None:
    found = is_in_displayed_frame(np.array([orientation]), np.array([declared]), np.array([stored]))
    assert found.tolist() == [expected]
