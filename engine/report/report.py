"""Reports: the page `report.html`, from scores and the predictions behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from groundray.engine.evaluation.outcomes import image_outcomes
from groundray.engine.evaluation.prediction_files import PredictionFiles
from groundray.engine.report.assembly import assemble_page
from groundray.engine.report.gallery import GalleryBuilder
from groundray.engine.report.numbers import page_numbers
from groundray.engine.report.sample import PER_MISTAKE, Pool, Sample, Sampler
from groundray.engine.report.thumbnails import iter_thumbnails
from groundray.engine.scoring.scores import Scores
from groundray.engine.sources import absolute
from groundray.engine.storage import Store, write_errors

REPORT: Final = "report.html"

MAX_RECORDS: Final = 1_000
"""In the gallery."""
MAX_BYTES: Final = 24_000_000
"""Of the gallery: with many checkpoints or long answers, fewer records are shown."""


@dataclass(frozen=True, slots=True)
class ReportFile:
    """What was written.

    Attributes:
        num_bytes: of the file.
        records: in the gallery.
        records_in_all: that were scored.
        missing_images: images of the gallery that could not be read.
    """

    num_bytes: int
    records: int
    records_in_all: int
    missing_images: int


def write_report(
    store: Store,
    scores: Scores,
    runs: Sequence[PredictionFiles],
    *,
    max_records: int = MAX_RECORDS,
) -> ReportFile:
    """Writes `report.html`; the same scores and predictions give the same bytes.

    Memory follows `max_records`, not the number of records.

    Args:
        store: where to.
        scores: of the runs.
        runs: the predictions, in the order of the scores; empty where there are none, as for COCO
            files: then there is no gallery.
        max_records: in the gallery; 0 for none.

    Raises:
        SourceError: predictions cannot be read.
        OutputError: the file cannot be written.
    """
    folder = absolute(store.url) if store.is_local else None
    gallery, thumbnails = _gallery(scores, runs, folder, max_records if runs else 0)
    title = "Groundray report: " + ", ".join(run.name for run in scores.runs)
    page = assemble_page(title, {**page_numbers(scores), "gallery": gallery}, thumbnails)
    with write_errors(store.shown):
        store.write(REPORT, page)
    return ReportFile(
        len(page), len(gallery["records"]), gallery["total"], gallery["missing_images"]
    )


def _gallery(
    scores: Scores, runs: Sequence[PredictionFiles], folder: str | None, max_records: int
) -> tuple[dict[str, Any], list[str]]:
    """The gallery's data, and its thumbnails."""
    sample = _sample(scores, runs, max_records)
    builder = GalleryBuilder(sample.ids, len(runs), folder)
    if sample.ids:
        for number, run in enumerate(runs):
            wanted = image_outcomes(run, min_score=scores.min_score, only=builder.ids)
            builder.add(number, wanted)
    records, places, categories = builder.finish()
    shown, thumbnails, missing = _with_thumbnails(records, places)
    gallery = {
        "total": _total(scores),
        "looked_at": sample.looked_at,
        "by_mistake": min(sample.by_mistake, len(shown)),
        "per_mistake": PER_MISTAKE,
        "seed": scores.seed,
        "missing_images": missing,
        "categories": categories,
        "records": shown,
    }
    return gallery, thumbnails


def _sample(scores: Scores, runs: Sequence[PredictionFiles], max_records: int) -> Sample:
    pool = Pool(_total(scores), seed=scores.seed)
    sampler = Sampler(max_records, pool)
    if max_records:
        for run in runs:
            sampler.add(image_outcomes(run, min_score=scores.min_score, only=pool))
    return sampler.finish()


def _total(scores: Scores) -> int:
    return max((run.records for run in scores.runs), default=0)


def _with_thumbnails(
    records: Sequence[dict[str, Any]], places: Sequence[str]
) -> tuple[list[dict[str, Any]], list[str], int]:
    """Records with the number of their thumbnail, until the page is full; one image has only one.

    Returns:
        The records, the thumbnails, and how many images could not be read.
    """
    made: dict[str, int | None] = {}
    distinct = iter_thumbnails(list(dict.fromkeys(places)))
    thumbnails: list[str] = []
    shown = []
    room = MAX_BYTES
    for record, place in zip(records, places, strict=True):
        new: str | None = None
        if place not in made:
            new = next(distinct)
            made[place] = None if new is None else len(thumbnails)
        room -= len(orjson.dumps(record)) + len(new or "")
        if room < 0:
            break
        if new is not None:
            thumbnails.append(new)
        shown.append({**record, "thumbnail": made[place]})
    missing = {place for place in places[: len(shown)] if made[place] is None}
    return shown, thumbnails, len(missing)
