"""Faults: rows that give no sound record, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from groundray.engine.records import BoolArray, IntArray
from groundray.engine.sources.box_lists import BoxLists
from groundray.engine.sources.categories import Categories
from groundray.engine.sources.keys import Grouping, Keys

Codes = NDArray[np.int8]

FAULTS = {
    "null_id": "the id column is null",
    "null_annotations": "the annotations are null",
    "list_length_mismatch": "the lists of one row differ in length, or are no whole boxes",
    "unknown_box_order": "the row names an order that is none of xyxy, xywh, cxcywh",
    "no_expression": "there is no referring expression",
}
"""What can be wrong with a record, in the sequence of looking for it; the first one counts."""

_CODES = {reason: code for code, reason in enumerate(FAULTS, start=1)}
_REASONS = tuple(FAULTS)


@dataclass(frozen=True, slots=True)
class Fault:
    """A record that is not sound.

    Attributes:
        index: which of the batch's keys.
        reason: one of `FAULTS`.
        detail: a sentence for people.
    """

    index: int
    reason: str
    detail: str


def row_codes(num_rows: int, flags: dict[str, BoolArray | None]) -> Codes | None:
    """The first fault of every row as a code, 0 where it is sound; None where all are.

    Args:
        num_rows: N.
        flags: reason -> `(N,)` rows with that fault, or None where no row has it.
    """
    codes: Codes | None = None
    for reason in _REASONS:
        flagged = flags.get(reason)
        if flagged is not None and flagged.any():
            codes = np.zeros(num_rows, dtype=np.int8) if codes is None else codes
            codes[flagged & (codes == 0)] = _CODES[reason]
    return codes


def record_codes(
    codes: Codes | None, grouping: Grouping, queries: Sequence[str | None] | None
) -> Codes | None:
    """Faults of records from those of rows: that of the faulty row, or that of its expression.

    Args:
        codes: `(N,)` of rows, or None where all are sound.
        grouping: how the rows give K records.
        queries: K expressions, or None for detection.
    """
    if codes is not None:
        if grouping.grouped:
            codes = np.maximum.reduceat(codes, grouping.row)
        else:
            codes = codes[grouping.row]
    if queries is None or all(query and not query.isspace() for query in queries):
        return codes
    blank = np.array([not query or query.isspace() for query in queries])
    codes = np.zeros(len(queries), dtype=np.int8) if codes is None else codes
    return np.where((codes == 0) & blank, np.int8(_CODES["no_expression"]), codes)


def list_mismatch(boxes: BoxLists, categories: Categories | None) -> BoolArray | None:
    """Rows whose boxes cannot be paired with their categories."""
    flagged = boxes.uneven
    if (
        categories is not None
        and categories.offsets is not None
        and not np.array_equal(categories.offsets, boxes.offsets)
    ):
        differs = np.diff(categories.offsets) != np.diff(boxes.offsets)
        flagged = differs if flagged is None else flagged | differs
    return flagged


def make_faults(codes: Codes, keys: Keys, num_boxes: IntArray) -> tuple[Fault, ...]:
    """Faults of the records of a batch.

    Args:
        codes: `(K,)` of each record, 0 where it is sound.
        keys: of the same records.
        num_boxes: `(K,)` boxes that could be read, to compare with those that keys count.
    """
    faults = []
    for index in np.flatnonzero(codes).tolist():
        reason = _REASONS[codes[index] - 1]
        detail = FAULTS[reason]
        if reason == "list_length_mismatch":
            detail = f"{keys.num_boxes[index]} categories, {num_boxes[index]} whole boxes"
        faults.append(Fault(index, reason, detail))
    return tuple(faults)
