"""What an evaluation leaves behind: scores.json and per_class.csv."""

import csv
import io

from groundray.engine.scoring.scores import Scores
from groundray.engine.storage import Store, open_store, write_errors
from groundray.formats.errors import OutputError

SCORES = "scores.json"
PER_CLASS = "per_class.csv"

_COLUMNS = (
    "run",
    "category",
    "targets",
    "predictions",
    "true_positives_50",
    "precision_50",
    "recall_50",
    "f1_50",
    "f1_75",
    "f1_mean",
    "mean_iou",
    "AP",
    "AP50",
    "AP75",
)


def open_output(output: str, *, overwrite: bool) -> Store:
    """The folder that scores are written to.

    Raises:
        OutputError: it holds scores already and `overwrite` is False, or cannot be read.
    """
    store = open_store(output)
    if not overwrite and store.size(SCORES) is not None:
        raise OutputError(f"{store.shown} holds scores already; give another OUTPUT or --overwrite")
    return store


def write_scores(store: Store, scores: Scores) -> None:
    """Writes the files.

    Raises:
        OutputError: they cannot be written.
    """
    with write_errors(store.shown):
        store.write(PER_CLASS, per_class_csv(scores))
        store.write(SCORES, scores.to_json())


def per_class_csv(scores: Scores) -> bytes:
    """One row a run and class; an empty cell is an undefined number.

    NUL in a name becomes U+FFFD: Python 3.10, and others, neither write nor read it in CSV.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    kinds = [each.kind for each in scores.runs[0].errors] if scores.runs else []
    writer.writerow([*_COLUMNS, *kinds])
    for run in scores.runs:
        for row in run.by_class:
            values = [getattr(row, column) for column in _COLUMNS[2:]]
            names = [name.replace("\0", "\ufffd") for name in (run.name, row.category)]
            writer.writerow([*names, *values, *(row.errors[kind] for kind in kinds)])
    return text.getvalue().encode()
