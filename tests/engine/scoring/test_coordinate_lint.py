"""Answers written in another space than their format's."""

from collections.abc import Callable

import numpy as np
import pytest

from groundray.engine.records import FloatArray
from tests.engine.scoring.made import Line, line, said, scores_of, target

Write = Callable[[FloatArray, FloatArray], FloatArray]
"""From boxes in pixels and the image's width, height, width, height to wire numbers."""


def answers(count: int, write: Write, *, width: int = 640, height: int = 480) -> list[Line]:
    """Records whose first `count` of 10 answers are written by `write`, read as a grid of 1000."""
    size = np.array([width, height, width, height], dtype=np.float64)
    lines = []
    for i in range(10):
        rng = np.random.default_rng(i)
        corner = rng.uniform(0.05, 0.5, (3, 2))
        boxes = np.hstack([corner, corner + rng.uniform(0.1, 0.4, (3, 2))]) * size
        wire = (write if i < count else honest)(boxes, size)
        lines.append(
            line(
                [target("cup", box) for box in boxes.tolist()],
                [said("cup", (row / 1000 * size).tolist(), wire=row.tolist()) for row in wire],
                id=str(i),
                width=width,
                height=height,
            )
        )
    return lines


def honest(boxes: FloatArray, size: FloatArray) -> FloatArray:
    wire: FloatArray = np.rint(boxes / size * 1000)
    return wire


@pytest.mark.parametrize(
    ("write", "reading"),
    [
        (lambda boxes, size: np.rint(boxes), "pixels"),
        (lambda boxes, size: (boxes / size).round(3), "fractions of 1"),
        (lambda boxes, size: (boxes / size * 100).round(1), "percent"),
        (lambda boxes, size: honest(boxes, size)[:, [1, 0, 3, 2]], "a grid of 1000 with y first"),
        (
            lambda boxes, size: np.hstack(
                [
                    honest(boxes, size)[:, :2],
                    np.diff(honest(boxes, size).reshape(-1, 2, 2), axis=1)[:, 0],
                ]
            ),
            "a grid of 1000 as x, y, width, height",
        ),
        (
            lambda boxes, size: np.rint(honest(boxes, size) / size * 1000),
            "pixels scaled to 1000 twice",
        ),
    ],
)
def test_the_space_that_was_written_is_named(write: Write, reading: str) -> None:
    found = scores_of(*answers(4, write)).health.coordinate_lint
    assert [(each.reading, each.answers, each.share) for each in found] == [(reading, 4, 0.4)]
    assert found[0].message.startswith(f"40% of the answers with boxes look like {reading}")


def test_pixels_beyond_the_grid_need_no_target_to_be_seen() -> None:
    lines = answers(5, lambda boxes, size: np.rint(boxes), width=4000, height=3000)
    for each in lines:
        each["targets"] = []
    found = scores_of(*lines).health.coordinate_lint
    assert [each.reading for each in found] == ["pixels"]


def test_answers_in_the_formats_own_space_are_not_named() -> None:
    assert scores_of(*answers(0, honest)).health.coordinate_lint == []


def test_a_model_that_is_merely_bad_is_not_named() -> None:
    def guess(boxes: FloatArray, size: FloatArray) -> FloatArray:
        rng = np.random.default_rng(int(boxes[0, 0] * 1000))
        corner = rng.uniform(0, 0.6, (3, 2))
        wire: FloatArray = np.rint(
            np.hstack([corner, corner + rng.uniform(0.05, 0.4, (3, 2))]) * 1000
        )
        return wire

    assert scores_of(*answers(10, guess)).health.coordinate_lint == []


def test_a_diagnosis_changes_no_score() -> None:
    scores = scores_of(*answers(10, lambda boxes, size: (boxes / size).round(3)))
    assert scores.health.coordinate_lint[0].share == 1
    assert scores.operating_point.true_positives_50 == 0
