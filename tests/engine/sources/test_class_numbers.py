"""How classes are numbered, by what the numbers of a sample bear out."""

import numpy as np
import pytest

from groundray.engine.sources.class_numbers import judge_numbering
from groundray.engine.sources.class_tables import COCO80, COCO91_NUMBERS
from groundray.formats.errors import LayoutError

CLASSES = np.random.default_rng(0).integers(0, 80, 2000)
OTHERS = tuple(f"class {i}" for i in range(80))


def judged(numbers: object, names: tuple[str, ...] = OTHERS) -> tuple[int, str | None]:
    verdict = judge_numbering(np.array(numbers, dtype=np.float64), names)
    return verdict.id_offset, verdict.id_table


def test_coco_has_80_names_and_its_ids_end_at_90() -> None:
    assert (len(COCO80), len(COCO91_NUMBERS), COCO91_NUMBERS[-1]) == (80, 80, 90)
    assert (COCO80[11], COCO91_NUMBERS[11]) == ("stop sign", 13)


def test_numbers_from_0_are_the_rule() -> None:
    assert judged(CLASSES) == (0, None)
    assert judged([3, 5]) == (0, None)


def test_numbers_from_1_are_found_by_the_last_one() -> None:
    assert judged(CLASSES + 1) == (1, None)


def test_coco_ids_are_found_and_only_for_coco_names() -> None:
    numbers = np.array(COCO91_NUMBERS)[CLASSES]
    assert judged(numbers, COCO80) == (0, "coco91")
    with pytest.raises(LayoutError, match="is not settled"):
        judged(numbers)


def test_a_few_wrong_numbers_do_not_shift_all_others() -> None:
    numbers = CLASSES.astype(np.float64)
    numbers[:10] = 80
    numbers[10:20] = -1
    numbers[20] = np.nan
    with pytest.raises(LayoutError, match="is not settled"):  # class 0 is but one in eighty here
        judged(numbers)
    assert judged(np.where(np.arange(2000) % 10 == 0, 0, numbers)) == (0, None)


def test_too_little_to_tell_is_refused() -> None:
    with pytest.raises(LayoutError, match=r"id_offset = 0 \(or 1\)"):
        judged([80, 5, 3])
