"""The ceiling of a format, on targets whose rounding is known."""

import pytest

from groundray.engine.scoring.format_ceiling import FormatCeiling
from groundray.engine.scoring.tallies import Rules
from groundray.formats import get_format
from tests.engine.scoring.made import CLASSES, Line, crowd, line, scores_of, target

RULES = Rules(CLASSES, "constant", 0, 0, format=get_format("qwen3-vl"))


def ceiling_of(*lines: Line) -> FormatCeiling:
    found = scores_of(*lines, rules=RULES).ceiling
    assert found is not None
    return found


def test_targets_on_the_grid_lose_nothing() -> None:
    ceiling = ceiling_of(line([target("cup", (1, 2, 30, 40))]))
    assert ceiling.mean_iou == pytest.approx(1, abs=1e-9)
    assert ceiling.f1_mean == 1


def test_rounding_costs_what_it_costs() -> None:
    # on a grid of 1000 over 10,000 pixels: (0, 0, 14, 10) is rounded to (0, 0, 10, 10)
    wide = line(
        [
            target("cup", (0, 0, 14, 10)),
            target("cup", (0, 0, 9000, 9000)),
            crowd("cup", (0, 0, 3, 3)),
        ],
        width=10_000,
        height=10_000,
    )
    ceiling = ceiling_of(wide)
    assert ceiling.targets == 2
    assert ceiling.mean_iou_small == pytest.approx(10 / 14, abs=1e-9)
    assert ceiling.mean_iou_large == pytest.approx(1)
    assert ceiling.mean_iou_medium is None
    assert ceiling.f1_50 == 1
    assert ceiling.f1_75 == 1 / 2
    assert ceiling.f1_mean == pytest.approx((1 + 5 / 10) / 2)  # 10/14 reaches 0.5 to 0.7


def test_without_a_format_there_is_no_ceiling() -> None:
    assert scores_of(line([target("cup", (1, 2, 30, 40))])).ceiling is None
