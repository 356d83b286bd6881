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
    """Settles how classes are numbered; from 0 where nothing speaks against it.

    Args:
        numbers: `(M,)` of the sample; NaN where null.
        names: of all classes, in the sequence of their numbers.

    Raises:
        LayoutError: too many numbers name no class, or two ways to count both fit.
    """
    numbers = numbers[~np.isnan(numbers)]
    shares = {way: float(np.mean(~np.isin(numbers, known))) for way, known in _ways(names).items()}
    if shares["from 0"] == 0 or (shares["from 0"] <= ACCEPTED and _all_others(shares, "from 0")):
        return NumberingVerdict(0, None, f"classes are numbered from 0 to {len(names) - 1}")
    fitting = [
        way for way, share in shares.items() if share <= ACCEPTED and _all_others(shares, way)
    ]
    counted = ", ".join(f"{way} {share:.1%}" for way, share in shares.items())
    if not fitting:
        raise LayoutError(
            f"how the {len(names)} classes are numbered is not settled; of {len(numbers):,} boxes "
            f"these shares name no class: {counted}; say it with --layout coco91, or with "
            f"id_offset = 0 (or 1) in --layout FILE.toml, or give the right names with --classes"
        )
    reason = (
        f"classes are numbered {fitting[0]}: shares of boxes that would name no class: {counted}"
    )
    is_table = fitting[0] == "coco91"
    return NumberingVerdict(0 if is_table else 1, "coco91" if is_table else None, reason)


def _ways(names: tuple[str, ...]) -> dict[Numbering, list[int]]:
    ways: dict[Numbering, list[int]] = {
        "from 0": list(range(len(names))),
        "from 1": list(range(1, len(names) + 1)),
    }
    if names == COCO80:
        ways["coco91"] = list(COCO91_NUMBERS)
    return ways


def _all_others(shares: dict[Numbering, float], way: Numbering) -> bool:
    return all(share > RULED_OUT for other, share in shares.items() if other != way)
