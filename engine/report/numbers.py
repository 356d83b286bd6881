"""Scores as the page wants them: a digit more than it shows, and classes as rows of a table."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from groundray.engine.scoring.error_kinds import ERROR_KINDS
from groundray.engine.scoring.scores import Scores
from groundray.formats.issues import ISSUES

_DIGITS = 5

CLASS_COLUMNS = (
    "category",
    "targets",
    "predictions",
    "f1_50",
    "precision_50",
    "recall_50",
    "f1_mean",
    "mean_iou",
    "AP",
)
"""Of the table of classes; counts of the error kinds follow."""


def page_numbers(scores: Scores) -> dict[str, Any]:
    """Everything but the gallery."""
    fields: dict[str, Any] = orjson.loads(scores.to_json())
    for run in fields["runs"]:
        del run["place"]  # a page is sent around: where the predictions lie is nobody's business
        run["by_class"] = [_class_row(row) for row in run["by_class"]]
    fields["class_columns"] = [*CLASS_COLUMNS, *ERROR_KINDS]
    fields["issue_meanings"] = dict(ISSUES)
    shortened: dict[str, Any] = shorten(fields)
    return shortened


def shorten(value: Any) -> Any:
    """The same with floats of few digits."""
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, Mapping):
        return {name: shorten(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [shorten(each) for each in value]
    return value


def _class_row(row: Mapping[str, Any]) -> list[Any]:
    errors = row["errors"]
    return [*(row[column] for column in CLASS_COLUMNS), *(errors[kind] for kind in ERROR_KINDS)]
