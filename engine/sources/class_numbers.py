"""Class numbers: whether they count from 0, from 1, or as COCO's own ids do, with gaps."""

from typing import Literal, NamedTuple

import numpy as np

from groundray.engine.records import FloatArray
from groundray.engine.sources.class_tables import COCO80, COCO91_NUMBERS
from groundray.engine.sources.evidence import ACCEPTED, RULED_OUT
from groundray.formats.errors import LayoutError

Numbering = Literal["from 0", "from 1", "coco91"]


class NumberingVerdict(NamedTuple):
    """How classes are numbered.

    Attributes:
        id_offset: number of the first class.
        id_table: `coco91`, or None where numbers run without gaps.
        reason: what was counted, for people.
    """

    id_offset: int
    id_table: Literal["coco91"] | None
    reason: str


def judge_numbering(numbers: FloatArray, names: tuple[str, ...]) -> NumberingVerdict:
    """Settles how classes are numbered.

    From 0, where no number speaks against it. Else the way that at most 1 % of the boxes speak
    against, and more than 5 % (and three) against every other; or the one that no box speaks
    against, and at least ten against every other, since most classes are rarer than 5 %.

    Args:
        numbers: `(M,)` of the sample; NaN where null.
        names: of all classes, in the sequence of their numbers.

    Raises:
        LayoutError: no way fits, or more than one.
    """
    numbers = numbers[~np.isnan(numbers)]
    against = {way: int((~np.isin(numbers, known)).sum()) for way, known in _ways(names).items()}
    if against["from 0"] == 0:
        return NumberingVerdict(0, None, f"from 0 to {len(names) - 1}")
    counted = ", ".join(f"{way} {count / len(numbers):.1%}" for way, count in against.items())
    fitting = [way for way in against if _fits(way, against, len(numbers))]
    if len(fitting) != 1:
        raise LayoutError(
            f"how the {len(names)} classes are numbered is not settled; of {len(numbers):,} boxes "
            f"these shares name no class: {counted}; say it with --layout coco91, or with "
            f"id_offset = 0 (or 1) in --layout FILE.toml, or give the right names with --classes"
        )
    reason = f"{fitting[0]}; of {len(numbers):,} boxes these shares would name no class: {counted}"
    if fitting[0] == "coco91":
        return NumberingVerdict(0, "coco91", reason)
    return NumberingVerdict(int(fitting[0] == "from 1"), None, reason)


def _ways(names: tuple[str, ...]) -> dict[Numbering, list[int]]:
    ways: dict[Numbering, list[int]] = {
        "from 0": list(range(len(names))),
        "from 1": list(range(1, len(names) + 1)),
    }
    if names == COCO80:
        ways["coco91"] = list(COCO91_NUMBERS)
    return ways


def _fits(way: Numbering, against: dict[Numbering, int], count: int) -> bool:
    others = min(number for other, number in against.items() if other != way)
    by_share = against[way] <= ACCEPTED * count and others > max(RULED_OUT * count, 2)
    return by_share or (against[way] == 0 and others >= 10)
