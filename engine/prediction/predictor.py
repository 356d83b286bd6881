"""The predictor: what a prediction run has in common, and the writing of a unit's predictions."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

import orjson

from groundray.engine.conversion.examples import ExampleStyle, make_style
from groundray.engine.converted import Sharing
from groundray.engine.plan import Unit
from groundray.engine.plugins import Plugin, load_plugins
from groundray.engine.prediction.answering import UnitAnswers
from groundray.engine.prediction.journal import Journal
from groundray.engine.prediction.predictions import PredictionStyle, prediction_line
from groundray.engine.prediction.questions import Questions, iter_truth, make_questions
from groundray.engine.selection import Selection
from groundray.engine.shards import Commit, Tally, UnitWriter, counted_name, read_commit
from groundray.engine.sources import Source
from groundray.engine.storage import open_store, write_errors
from groundray.formats import BoxFormat, get_format
from groundray.models import Backend, Prompt, Settings, get_backend

BY = "answered_by/"
"""What the counts of records by who answered them begin with, in tallies."""


@dataclass(frozen=True)
class PredictJob:
    """What every unit of a prediction run has in common; picklable.

    Attributes:
        output: URL of the run's folder.
        token: of the run.
        source: truth files.
        selection: which of their records are chosen.
        num_shards: split -> total, for shard names.
        sharing: how shards name the images of the converted folder that truth belongs to.
        format: name.
        plugins: files that define formats and backends.
        classes: of the whole data set, in id order.
        prompt: user text in place of the format's own, or None.
        system: system text in place of the format's own, empty for none, or None.
        present_only: whether prompts name only the classes of their own record.
        backend: name.
        settings: of the backend.
        batch_size: records that are answered together.
        checkpoint: name of who answers, as predictions show it.
    """

    output: str
    token: str
    source: Source
    selection: Selection
    num_shards: dict[str, int]
    sharing: Sharing
    format: str
    plugins: tuple[Plugin, ...]
    classes: tuple[str, ...]
    prompt: str | None
    system: str | None
    present_only: bool
    backend: str
    settings: Settings
    batch_size: int
    checkpoint: str

    @cached_property
    def style(self) -> ExampleStyle:
        """How prompts are written, loaded in this process.

        Raises:
            FormatError: the format is unknown, or cannot do the task.
        """
        return make_style(
            self.format,
            self._load_format(),
            self.source.task,
            classes=self.classes,
            prompt=self.prompt,
            system=self.system,
            present_only=self.present_only,
        )

    def _load_format(self) -> BoxFormat:
        """The format, in the space of the images that the model sees."""
        load_plugins(self.plugins)
        format_ = get_format(self.format)
        resized = getattr(format_, "for_max_pixels", None)
        if resized is None:
            return format_
        fitted: BoxFormat = resized(self.settings.max_pixels)
        return fitted

    def load_backend(self) -> Backend:
        """The backend, loaded."""
        load_plugins(self.plugins)
        return get_backend(self.backend)(self.settings)

    def questions(self, unit: Unit) -> Questions:
        """What is asked about the records of a unit."""
        truth = iter_truth(self.source, self.selection, unit)
        return make_questions(truth, style=self.style, batch_size=self.batch_size)

    def make_prompt(self, questions: Questions, i: int, image: Any) -> Prompt:
        """The prompt for record `i` of a unit, with its image as the backend wants it."""
        return Prompt(questions.ids[i], questions.texts[i], self.style.system, image)

    def __getstate__(self) -> dict[str, Any]:
        """All but the style: formats of plugin files are loaded by each process."""
        return {name: value for name, value in vars(self).items() if name != "style"}


class Predicted(NamedTuple):
    """A finished unit, and what its answers took."""

    commit: Commit
    asked: int
    busy_s: float
    waited_s: float


class Predictor:
    """Writes the predictions of units, which someone else has the answers to.

    Args:
        job: what every unit has in common.
    """

    def __init__(self, job: PredictJob) -> None:
        self._job = job

    def __call__(self, answered: UnitAnswers) -> Predicted:
        """Reads the answers to a unit, writes its shards, and forgets the answers.

        Raises:
            SourceError: truth cannot be read at the moment.
            OutputError: the run's folder cannot be written, or another run has taken it over.
        """
        job, unit = self._job, answered.unit
        store = open_store(job.output)
        tally: Tally = Counter()
        with write_errors(store.shown):
            if done := read_commit(store, unit.index):
                Journal(store, unit.index).remove()
                return Predicted(done, 0, 0.0, 0.0)
        with write_errors(store.shown), UnitWriter(store, unit.index, job.token) as writer:
            lines = self._lines(answered, tally)
            for shard in unit.shards:
                name = counted_name(shard.split, shard.index, job.num_shards[shard.split])
                own = list(islice(lines, shard.records))
                path = f"{shard.split}/{name}.jsonl"
                writer.append(path, b"".join(own), lines=len(own))
            for by in answered.by:
                tally[BY + orjson.dumps(by, option=orjson.OPT_SORT_KEYS).decode()] += 1
            commit = writer.commit(tally, state=unit.state)
            Journal(store, unit.index).remove()
        return Predicted(commit, answered.asked, answered.busy_s, answered.waited_s)

    def _lines(self, answered: UnitAnswers, tally: Tally) -> Iterator[bytes]:
        job = self._job
        style = PredictionStyle(job.style.format, job.style.origin, job.source.task, job.checkpoint)
        answers = iter(answered.answers)
        for records, places in iter_truth(job.source, job.selection, answered.unit):
            for i, place in enumerate(places):
                image = job.sharing.name(place)
                line = prediction_line(style, records, i, image=image, answer=next(answers))
                tally["records/predicted"] += 1
                tally["boxes/targets"] += int(records.offsets[i + 1] - records.offsets[i])
                tally["boxes/predicted"] += line.num_boxes
                tally["records/failed"] += line.error is not None
                for issue in line.issues:
                    tally[f"issues/{issue}"] += 1
                yield line.data
