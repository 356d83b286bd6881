"""Answering: a loaded backend answers the questions of one unit after the other.

What can go wrong with one record costs that record: a bad image, a prompt that raises, a batch
that does not fit into memory, even a record that kills the process that answers it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from groundray.engine.plan import Unit
from groundray.engine.prediction.journal import Journal
from groundray.engine.prediction.questions import Questions
from groundray.engine.shards import read_commit
from groundray.engine.storage import open_store, write_errors
from groundray.formats.errors import GroundrayError, ImageError, ModelError, OutOfMemoryError
from groundray.models import Answer, Backend, Prompt
from groundray.models.base import ImageInput

if TYPE_CHECKING:
    from groundray.engine.prediction.predictor import PredictJob

MAX_DEATHS = 2
"""So many processes may die of a batch; then it is asked record by record, and a record of which
so many die is given up."""

Images = Sequence[Any]
"""Of a batch: pixels or bytes as the backend wants them, or the ImageError of a bad one."""

ReadAhead = Callable[[Iterable[Sequence[str]], ImageInput], Iterator[Images]]
"""From the places of the images of each batch to the images, some batches ahead."""


@dataclass(frozen=True, slots=True)
class UnitAnswers:
    """The answers to the questions of a unit.

    Attributes:
        unit: what was asked about.
        answers: one for each record of the unit, in order; none where it was finished before.
        by: `Backend.describe` of everything that answered.
        busy_s, waited_s: time that the backend worked, and that it waited for images.
        asked: records that were answered now, and not by an earlier start.
    """

    unit: Unit
    answers: tuple[Answer, ...]
    by: tuple[dict[str, Any], ...]
    busy_s: float
    waited_s: float
    asked: int


class Answerer:
    """Holds a backend, which is loaded when the first unit comes.

    Args:
        job: what every unit has in common.
        read_ahead: reads images.
    """

    def __init__(self, job: "PredictJob", read_ahead: ReadAhead) -> None:
        self._job = job
        self._read_ahead = read_ahead
        self._backend: Backend | None = None
        self._limit: int | None = None  # of a batch, once one did not fit into memory

    def __call__(self, unit: Unit) -> UnitAnswers:
        """Answers the questions of a unit, unless it is finished: then there are no answers.

        Raises:
            ModelError: the backend cannot be loaded, or its server is gone.
            GroundrayError: what is asked about cannot be read.
        """
        store = open_store(self._job.output)
        with write_errors(store.shown):
            is_done = read_commit(store, unit.index) is not None
        if is_done:
            return UnitAnswers(unit, answers=(), by=(), busy_s=0.0, waited_s=0.0, asked=0)
        journal = Journal(store, unit.index)
        questions = self._job.questions(unit)
        answers: list[Answer | None] = [None] * len(questions.ids)
        by: list[dict[str, Any]] = []
        left = []
        for number, batch in enumerate(questions.batches):
            kept = journal.answers(number)
            if kept is None:
                left.append(number)
                continue
            by.append(kept[1])
            _put(answers, batch, kept[0])
        busy_s = waited_s = 0.0
        if left:
            backend = self._load(journal)
            by.append(backend.describe())
            began = monotonic()
            places = ([questions.places[i] for i in questions.batches[n]] for n in left)
            batches = self._read_ahead(places, backend.image_input)
            for number, images in zip(left, batches, strict=True):
                read = monotonic()
                waited_s += read - began
                batch = questions.batches[number]
                asked = self._ask(questions, batch, images, journal, f"{number:05d}")
                journal.keep(number, asked, by[-1])
                _put(answers, batch, asked)
                began = monotonic()
                busy_s += began - read
        return UnitAnswers(
            unit=unit,
            answers=tuple(answer for answer in answers if answer is not None),
            by=tuple(_distinct(by)),
            busy_s=busy_s,
            waited_s=waited_s,
            asked=sum(len(questions.batches[number]) for number in left),
        )

    def _load(self, journal: Journal) -> Backend:
        if self._backend is not None:
            return self._backend
        job = self._job
        deaths = journal.deaths("load")
        if deaths > MAX_DEATHS:
            journal.forgive("load")
            raise ModelError(
                f"{deaths} processes died while they loaded {job.settings.checkpoint!r} with "
                f"backend {job.backend!r}: is there memory enough for it?"
            )
        with journal.begun("load"):
            self._backend = job.load_backend()
        return self._backend

    def _ask(
        self,
        questions: Questions,
        batch: Sequence[int],
        images: Images,
        journal: Journal,
        task: str,
    ) -> list[Answer]:
        """Answers a batch, in the order of `batch`."""
        answers: list[Answer | None] = [None] * len(batch)
        prompts: dict[int, Prompt] = {}
        for place, (i, image) in enumerate(zip(batch, images, strict=True)):
            if isinstance(image, ImageError):
                answers[place] = Answer("", error=str(image))
            else:
                prompts[place] = self._job.make_prompt(questions, i, image)
        deaths = journal.deaths(task)
        if deaths < MAX_DEATHS:
            with journal.begun(task) if prompts else nullcontext():
                answered = self._answer(list(prompts.values()))
        else:
            answered = [
                self._ask_alone(prompt, journal, f"{task}-{place}", died=len(batch) == 1)
                for place, prompt in prompts.items()
            ]
        _put(answers, list(prompts), answered)
        return [answer for answer in answers if answer is not None]

    def _ask_alone(self, prompt: Prompt, journal: Journal, task: str, *, died: bool) -> Answer:
        """Answers one record of a batch that processes died of; `died` where it was alone in it."""
        deaths = MAX_DEATHS if died else journal.deaths(task)
        if deaths >= MAX_DEATHS:
            return Answer("", error=f"gave up: {deaths} processes died while they answered this")
        with journal.begun(task):
            return self._answer([prompt])[0]

    def _answer(self, prompts: list[Prompt]) -> list[Answer]:
        """Answers prompts together, as many as fit."""
        backend = self._backend
        if backend is None:
            raise TypeError("no backend is loaded")
        answers: list[Answer] = []
        limit = self._limit or len(prompts) or 1
        for first in range(0, len(prompts), limit):
            answers.extend(self._answer_some(backend, prompts[first : first + limit]))
        return answers

    def _answer_some(self, backend: Backend, prompts: list[Prompt]) -> list[Answer]:
        try:
            answers = backend.answer(prompts)
        except OutOfMemoryError as error:
            if len(prompts) == 1:
                return [Answer("", error=f"out of memory: {error}")]
            self._limit = len(prompts) // 2
            return self._answer(prompts)
        except GroundrayError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001  a backend may be a plugin: one prompt, named
            if len(prompts) == 1:
                return [Answer("", error=f"{type(error).__name__}: {error}")]
            return [answer for prompt in prompts for answer in self._answer_some(backend, [prompt])]
        if len(answers) != len(prompts):
            raise ModelError(
                f"backend {self._job.backend!r} gave {len(answers)} answers to {len(prompts)} "
                "prompts"
            )
        return answers


def _put(answers: list[Answer | None], places: Sequence[int], found: Sequence[Answer]) -> None:
    for place, answer in zip(places, found, strict=True):
        answers[place] = answer


def _distinct(values: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found
