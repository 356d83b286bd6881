"""Evaluation: predictions to scores, file by file, in one pass and in bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from groundray.engine.evaluation.coco_files import CocoTruth, read_detections, read_truth
from groundray.engine.evaluation.evaluated import Evaluated, check_distinct, make_scores, name_runs
from groundray.engine.evaluation.prediction_files import (
    PredictionFiles,
    iter_pairs,
    open_predictions,
    size_of,
)
from groundray.engine.evaluation.score_files import open_output, write_scores
from groundray.engine.plugins import Plugin, load_plugins, read_plugins
from groundray.engine.report.report import MAX_RECORDS, write_report
from groundray.engine.runners import Choice, Runner, choose_runner, run_on_ray
from groundray.engine.scoring.bootstrap import REPLICATES
from groundray.engine.scoring.coco import ScoreMode
from groundray.engine.scoring.pairs import Pairs
from groundray.engine.scoring.parts import Part, no_part, score
from groundray.engine.scoring.scores import ProtocolName, Scores
from groundray.engine.scoring.summary import Described, summarise
from groundray.engine.scoring.tallies import RecordKeys, Rules, record_keys
from groundray.formats import get_format
from groundray.formats.errors import FormatError
from groundray.formats.toml_format import read_toml_format
from groundray.models.urls import public_name

_BYTE_S = 60e-9  # measured: 17 MB of predictions a second


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an evaluation is.

    Attributes:
        runner: what it runs on, and why.
        run: name of the one that is being scored.
        files_done, files: of it.
    """

    runner: Choice
    run: str
    files_done: int
    files: int


def evaluate(  # noqa: PLR0913  the options of a command
    predictions: Sequence[str],
    output: str,
    *,
    names: Sequence[str] = (),
    score_mode: ScoreMode = "constant",
    protocol: ProtocolName = "honest",
    classes: Sequence[str] | None = None,
    min_score: float | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
    plugins: Sequence[str] = (),
    runner: Runner = Runner(),  # noqa: B008  frozen
    gallery: int = MAX_RECORDS,
    overwrite: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Scores:
    """Scores predictions, and compares runs over the same records.

    The numbers are the same whatever the order of records, the number of files and the runner.

    Args:
        predictions: folders that `groundray predict` wrote, globs, or jsonl files; one a run.
        output: folder or fsspec URL for `scores.json`, `per_class.csv` and `report.html`.
        names: of the runs; empty takes those of the checkpoints.
        score_mode: what COCO's numbers rank boxes by: "constant", "order" or "logprob".
        protocol: "honest", or "published": how published numbers are counted.
        classes: names in id order, in place of what the manifests say.
        min_score: predictions below it are left out everywhere but in COCO's numbers.
        replicates: of the bootstrap; 0 for no intervals.
        seed: of the bootstrap.
        plugins: Python files that define formats, for the formats' ceilings.
        runner: where files are scored.
        gallery: records that the report shows, at most; 0 for none.
        overwrite: whether scores in output are replaced.
        on_progress: is told about every file.

    Returns:
        The scores, as they stand in `output/scores.json`.

    Raises:
        SourceError: predictions cannot be read.
        GroundrayError: the score mode needs scores that predictions do not have.
        OutputError: output holds scores already, or cannot be written.
    """
    store = open_output(output, overwrite=overwrite)
    runs = [open_predictions(place, classes=classes) for place in predictions]
    shown = name_runs(predictions, names, [run.checkpoint for run in runs])
    loaded = read_plugins(plugins)
    load_plugins(loaded)
    rules = Rules((), score_mode, replicates, seed, min_score)
    evaluated = [
        _RunScorer(run, name, rules, loaded, protocol, runner, on_progress)()
        for run, name in zip(runs, shown, strict=True)
    ]
    scores = make_scores(evaluated, rules, protocol)
    write_scores(store, scores)
    write_report(store, scores, runs, max_records=gallery)
    return scores


def evaluate_coco(  # noqa: PLR0913  the options of a command
    truth: str,
    detections: Sequence[str],
    output: str,
    *,
    names: Sequence[str] = (),
    min_score: float | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
    overwrite: bool = False,
) -> Scores:
    """Scores a detector's COCO results in the same way, by their own scores.

    Args:
        truth: COCO file of annotations.
        detections: COCO files of results; one a run.
        output: see `evaluate`.
        names: of the runs; empty takes those of the files.
        min_score: a detector's boxes are a whole curve; without it, the operating point counts
            all of them.
        replicates: see `evaluate`.
        seed: see `evaluate`.
        overwrite: see `evaluate`.

    Raises:
        SourceError: a file cannot be read, is none of COCO's, or is about other images.
        OutputError: output holds scores already, or cannot be written.
    """
    store = open_output(output, overwrite=overwrite)
    true = read_truth(truth)
    rules = Rules(true.classes, "given", replicates, seed, min_score)
    evaluated = [
        _DetectorScorer(place, name, true, rules)()
        for place, name in zip(detections, name_runs(detections, names), strict=True)
    ]
    scores = make_scores(evaluated, rules, "honest")
    write_scores(store, scores)
    write_report(store, scores, [])
    return scores


@dataclass(frozen=True, slots=True)
class _RunScorer:
    """Scores a run: all of it, or some of its records."""

    run: PredictionFiles
    name: str
    rules: Rules
    plugins: tuple[Plugin, ...]
    protocol: ProtocolName
    runner: Runner
    on_progress: Callable[[Progress], None]

    def __call__(self, records: RecordKeys | None = None) -> Evaluated:
        run = self.run
        own = replace(self.rules, classes=run.classes)
        work = FileScorer(own, run, self.plugins, records)
        choice = choose_runner(self.runner, len(run.files), size_of(run.files) * _BYTE_S)
        self.on_progress(Progress(choice, self.name, 0, len(run.files)))
        part = no_part(own)
        for done, each in enumerate(_iter_parts(work, run.files, choice, self.runner), start=1):
            part.add(each)
            self.on_progress(Progress(choice, self.name, done, len(run.files)))
        part.pack()
        check_distinct(part.ids(), run.place)
        described = Described(
            name=self.name,
            place=public_name(run.place),
            format=run.format,
            checkpoint=run.checkpoint,
            classes_from=run.classes_from,
            notes=_notes(run, part),
        )
        return Evaluated(summarise(part, own, described, self.protocol), part, self)


@dataclass(frozen=True, slots=True)
class _DetectorScorer:
    """Scores a detector's results: all of them, or those about some of the images."""

    place: str
    name: str
    truth: CocoTruth
    rules: Rules

    def __call__(self, records: RecordKeys | None = None) -> Evaluated:
        part = no_part(self.rules)
        for pairs in read_detections(self.place, self.truth):
            part.add(score(_only(pairs, records), self.rules))
        described = Described(self.name, public_name(self.place), None, None, "annotations", ())
        scores = summarise(part.pack(), self.rules, described, "honest")
        return Evaluated(scores, part, self)


def _only(pairs: Pairs, records: RecordKeys | None) -> Pairs:
    return pairs if records is None else pairs.take_records(np.isin(record_keys(pairs), records))


def _iter_parts(
    work: "FileScorer", files: Sequence[str], choice: Choice, runner: Runner
) -> Iterator[Part]:
    """Parts as they finish; sums are the same in whatever order."""
    if choice.kind == "local":
        return map(work, files)
    return cast("Iterator[Part]", run_on_ray(cast("Any", work), cast("Any", files), runner))


class FileScorer:
    """Scores a file of predictions; picklable.

    Args:
        rules: the same for all files of a run.
        run: that the files belong to; its format's ceiling is measured, where it is known.
        plugins: files that define formats.
        records: keys of those that are scored; None for all.
    """

    def __init__(
        self,
        rules: Rules,
        run: PredictionFiles,
        plugins: tuple[Plugin, ...],
        records: RecordKeys | None,
    ) -> None:
        self._rules, self._run = rules, run
        self._plugins, self._records = plugins, records

    def __call__(self, file: str) -> Part:
        """Scores all of a file.

        Raises:
            SourceError: it cannot be read, or a line is not a prediction.
        """
        load_plugins(self._plugins)
        rules = replace(self._rules, format=_load_format(self._run))
        part = no_part(rules)
        for pairs in iter_pairs(file, rules.classes):
            part.add(score(_only(pairs, self._records), rules))
        return part.pack()


def _load_format(run: PredictionFiles) -> Any:
    """None where it is not known, or not installed: then there is no ceiling, and a note."""
    if run.format is None:
        return None
    try:
        format_ = (
            get_format(run.format)
            if run.declaration is None
            else read_toml_format(
                run.declaration.encode(), f"{public_name(run.place)}: {run.format}"
            )
        )
    except FormatError:
        return None
    resized = getattr(format_, "for_max_pixels", None)
    return format_ if resized is None else resized(run.max_pixels)


def _notes(run: PredictionFiles, part: Part) -> list[str]:
    notes = []
    records = part.seen["box"] + part.seen["point"]
    if run.classes_from == "targets":
        notes.append(
            f"the classes are the {len(run.classes):,} that occur in targets: there is no "
            "manifest, and --classes was not given"
        )
    if run.expected is not None and run.expected != records:
        notes.append(f"the manifest tells of {run.expected:,} predictions, {records:,} were read")
    if run.format is not None and _load_format(run) is None:
        notes.append(f"no ceiling: format {run.format!r} is not known here; --plugin FILE adds it")
    return notes
