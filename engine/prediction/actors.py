"""The actor pool: processes that hold a backend, and the tasks that read and write around them."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from groundray.engine.ahead import iter_ahead
from groundray.engine.plan import Unit
from groundray.engine.prediction.answering import Answerer, Images
from groundray.engine.prediction.predictor import Predicted, PredictJob, Predictor
from groundray.engine.prediction.questions import read_images
from groundray.engine.runners import Runner, Stage, connected, iter_results, unit_dataset
from groundray.formats.errors import ImageError, SourceError
from groundray.models import get_backend
from groundray.models.base import ImageInput

AHEAD = 2
"""Batches whose images are read while one is answered."""


@dataclass(frozen=True, slots=True)
class Actors:
    """How many processes answer, and what each needs.

    Attributes:
        min: that are started at once.
        max: that the pool grows to while units wait; None for as many as the GPUs take, min without
            any.
        gpus: of each actor, 0 for none; a fraction lets several share one. None for 1 where the
            cluster has GPUs and the backend loads a model into its own process.
    """

    min: int = 1
    max: int | None = None
    gpus: float | None = None


def predict_locally(job: PredictJob, units: Iterable[Unit]) -> Iterator[Predicted]:
    """Does units one after another in this process; a thread reads the images ahead."""
    answer, write = Answerer(job, _read_in_thread), Predictor(job)
    for unit in units:
        yield write(answer(unit))


def predict_on_ray(
    job: PredictJob, units: Sequence[Unit], runner: Runner, actors: Actors
) -> Iterator[Predicted]:
    """Does units on an actor pool; what surrounds the answering are tasks.

    An actor takes a unit at a time. Tasks read and decode its images, some batches ahead, and a
    task behind it parses the answers and writes. Actors ask for no CPU, since they are as many as
    was said: on a machine that they fill, the tasks that feed them would never start.

    Raises:
        GroundrayError: what a unit raised.
    """
    if not units:
        return
    with connected(runner):
        from ray.data import ActorPoolStrategy

        gpus, most = _settle(actors, job.backend)
        pool = ActorPoolStrategy(
            min_size=min(actors.min, len(units)),
            max_size=min(most, len(units)),
            max_tasks_in_flight_per_actor=2,
        )
        answered = unit_dataset(units).map_batches(
            _AnswerActor,
            fn_constructor_args=(job,),
            compute=pool,
            batch_size=None,
            batch_format="pyarrow",
            num_cpus=0,
            num_gpus=gpus or None,
        )
        yield from iter_results(
            answered.map_batches(Stage(Predictor(job)), batch_size=None, batch_format="pyarrow")
        )


def _settle(actors: Actors, backend: str) -> tuple[float, int]:
    """GPUs of each actor, and how many actors there are at most."""
    import ray

    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    there = resources.get("GPU", 0.0)
    gpus = actors.gpus
    if gpus is None:
        gpus = float(there >= 1 and get_backend(backend).image_input == "pixels")
    most = actors.max
    if most is None:
        most = int(there / gpus) if gpus else 1
    return gpus, max(most, actors.min)


class _AnswerActor(Stage):
    def __init__(self, job: PredictJob) -> None:
        super().__init__(Answerer(job, _read_in_tasks))


def _read_in_thread(batches: Iterable[Sequence[str]], image_input: ImageInput) -> Iterator[Images]:
    return iter_ahead(read_images(places, image_input) for places in batches)


def _read_in_tasks(batches: Iterable[Sequence[str]], image_input: ImageInput) -> Iterator[Images]:
    """Reads images in tasks of their own, which may run on any machine."""
    if image_input == "none":
        yield from (read_images(places, image_input) for places in batches)
        return
    import ray
    from ray.exceptions import RayError

    read: Any = ray.remote(_read)
    waiting: deque[tuple[Sequence[str], Any]] = deque()

    def take() -> Images:
        places, reference = waiting.popleft()
        try:
            images: Images | SourceError = ray.get(reference)
        except RayError:  # an image that kills its decoder: find out which
            images = [_read_alone(read, place, image_input) for place in places]
        if isinstance(images, SourceError):
            raise images
        return images

    for places in batches:
        waiting.append((places, read.remote(places, image_input)))
        if len(waiting) > AHEAD:
            yield take()
    while waiting:
        yield take()


def _read(places: Sequence[str], image_input: ImageInput) -> Images | SourceError:
    """The images, or why they cannot be read at the moment: a value, which Ray leaves as it is."""
    try:
        return read_images(places, image_input)
    except SourceError as error:
        return error


def _read_alone(read: Any, place: str, image_input: ImageInput) -> Any:
    import ray
    from ray.exceptions import RayError

    try:
        images: Images | SourceError = ray.get(read.remote([place], image_input))
    except RayError as error:
        name = place.rsplit("/", 1)[-1].split("?", 1)[0]
        return ImageError("unreadable_image", f"{name}: {type(error).__name__} while decoding it")
    if isinstance(images, SourceError):
        raise images
    return images[0]
