"""Evaluation: predictions to scores, file by file, in one pass and in bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from groundray.engine.evaluation.coco_files import read_detections, read_truth
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
from groundray.engine.scoring.parts import Part, no_part, score
from groundray.engine.scoring.scores import ProtocolName, Scores
from groundray.engine.scoring.summary import Described, summarise
from groundray.engine.scoring.tallies import Rules
from groundray.formats import get_format
from groundray.formats.errors import FormatError
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
        _evaluate_run(run, name, rules, loaded, protocol, runner, on_progress)
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
    evaluated = []
    for place, name in zip(detections, name_runs(detections, names), strict=True):
        part = no_part(rules)
        for pairs in read_detections(place, true):
            part.add(score(pairs, rules))
        described = Described(name, public_name(place), None, None, "annotations", ())
        evaluated.append(Evaluated(summarise(part.pack(), rules, described, "honest"), part))
    scores = make_scores(evaluated, rules, "honest")
    write_scores(store, scores)
    write_report(store, scores, [])
    return scores


def _evaluate_run(  # noqa: PLR0913, PLR0917  private
    run: PredictionFiles,
    name: str,
    rules: Rules,
    plugins: tuple[Plugin, ...],
    protocol: ProtocolName,
    runner: Runner,
    on_progress: Callable[[Progress], None],
) -> Evaluated:
    own = replace(rules, classes=run.classes)
    work = FileScorer(own, run.format, run.max_pixels, plugins)
    choice = choose_runner(runner, len(run.files), size_of(run.files) * _BYTE_S)
    on_progress(Progress(choice, name, 0, len(run.files)))
    part = no_part(own)
    for done, each in enumerate(_iter_parts(work, run.files, choice, runner), start=1):
        part.add(each)
        on_progress(Progress(choice, name, done, len(run.files)))
    part.pack()
    check_distinct(part, run.place)
    described = Described(
        name=name,
        place=public_name(run.place),
        format=run.format,
        checkpoint=run.checkpoint,
        classes_from=run.classes_from,
        notes=_notes(run, part),
    )
    return Evaluated(summarise(part, own, described, protocol), part)


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
        format_name: whose ceiling is measured; one that is not installed has none.
        max_pixels: see `PredictionFiles`.
        plugins: files that define formats.
    """

    def __init__(
        self,
        rules: Rules,
        format_name: str | None,
        max_pixels: int | None,
        plugins: tuple[Plugin, ...],
    ) -> None:
        self._rules = rules
        self._format_name = format_name
        self._max_pixels = max_pixels
        self._plugins = plugins

    def __call__(self, file: str) -> Part:
        """Scores all of a file.

        Raises:
            SourceError: it cannot be read, or a line is not a prediction.
        """
        load_plugins(self._plugins)
        rules = replace(self._rules, format=_load_format(self._format_name, self._max_pixels))
        part = no_part(rules)
        for pairs in iter_pairs(file, rules.classes):
            part.add(score(pairs, rules))
        return part.pack()


def _load_format(name: str | None, max_pixels: int | None) -> Any:
    """None where it is not known, or not installed: then there is no ceiling, and a note."""
    if name is None:
        return None
    try:
        format_ = get_format(name)
    except FormatError:
        return None
    resized = getattr(format_, "for_max_pixels", None)
    return format_ if resized is None else resized(max_pixels)


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
    if run.format is not None and _load_format(run.format, run.max_pixels) is None:
        notes.append(f"no ceiling: format {run.format!r} is not known here; --plugin FILE adds it")
    return notes
