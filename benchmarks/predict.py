"""Prediction against the bare loop: what the engine adds to a backend's own time.

python -m benchmarks.predict [--images 960] [--batch-s 0.4] [--replayed 100000] [--work DIR]

Prints Markdown. Figures of one table come from one run on one machine: compare within it.
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from benchmarks.data import make_annotations, make_coco_like
from benchmarks.measure import measure, python
from groundray.engine import Actors, Runner, convert, predict
from groundray.engine.converted import iter_places, open_converted
from groundray.engine.prediction.predict import PredictionProgress
from groundray.engine.prediction.questions import read_images
from groundray.formats import get_format
from groundray.formats.errors import ImageError
from groundray.models import BACKENDS, Backend, Prompt, Settings, get_backend

FORMAT = "qwen3-vl"
PLUGIN = str(Path(__file__).with_name("fixed_cost.py"))
_numbers = count()


def main() -> None:
    """Makes the data, measures, and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=960)
    parser.add_argument("--batch-s", type=float, default=0.4)
    parser.add_argument("--replayed", type=int, default=100_000)
    parser.add_argument("--work", type=Path, default=None, help="where data and outputs go")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.work) as work:
        folder = Path(work)
        print_fixed_cost(folder, arguments.images, arguments.batch_s)
        print_tiny(folder)
        print_replay(folder, arguments.replayed)


def print_fixed_cost(work: Path, images: int, batch_s: float) -> None:
    """A backend that sleeps, on images of 640x480."""
    converted = _convert(work, images)
    checkpoint = work / "checkpoint"
    checkpoint.write_text(str(batch_s))
    BACKENDS.add_file(PLUGIN)
    kind = get_backend("fixed-cost")
    settings = Settings(str(checkpoint))
    backend_s = -(-images // kind.batch_size) * batch_s
    print(f"\n{images} images, batches of {kind.batch_size}, {batch_s} s each\n")
    print("| what | wall s | / backend's own time | / bare loop | backends busy |")
    print("|---|---|---|---|---|")
    bare_s = _timed(lambda: bare_loop(kind(settings), converted, kind.batch_size))
    _row("bare loop: read images, answer, one after the other", bare_s, backend_s, bare_s)
    for name, runner, actors in _runners():
        with _warm(runner):
            wall_s, busy = _predict(
                converted,
                work,
                checkpoint,
                backend="fixed-cost",
                plugins=[PLUGIN],
                runner=runner,
                actors=actors,
            )
        _row(name, wall_s, backend_s / actors.min, bare_s / actors.min, busy)


def print_tiny(work: Path) -> None:
    """The tiny checkpoint on a CPU, whole commands."""
    converted = _convert(work, 48)
    checkpoint = work / "tiny"
    subprocess.run(
        python("groundray.engine", "models", "tiny", checkpoint), check=True, capture_output=True
    )
    settings = Settings(str(checkpoint), max_new_tokens=32, max_pixels=768 * 768)
    backend = get_backend("paddleformers")(settings)
    bare_loop(backend, converted, 8, limit=8)  # kernels are chosen at the first call
    bare_s = _timed(lambda: bare_loop(backend, converted, 8))
    wall_s, busy = _predict(
        converted, work, checkpoint, max_new_tokens=32, batch_size=8, runner=Runner("local")
    )
    print("\nTiny Qwen3-VL on a CPU, 48 images, 32 tokens\n")
    print("| what | wall s | / bare loop | backends busy |")
    print("|---|---|---|---|")
    print(f"| bare loop, model loaded | {bare_s:.1f} | 1 | |")
    print(
        f"| groundray local, loading inside | {wall_s:.1f} | {wall_s / bare_s:.2f} | {busy:.1%} |"
    )


def print_replay(work: Path, rows: int) -> None:
    """Answers that are there: parsing and writing alone, and how memory grows."""
    print("\nReplayed answers of 7 boxes\n")
    print("| answers | runner | wall s | answers / s | memory of all processes MB |")
    print("|---|---|---|---|---|")
    for num_rows in (rows // 10, rows):
        source, converted = work / f"rows-{num_rows}", work / f"rows-{num_rows}-out"
        make_annotations(source, rows=num_rows, files=4)
        convert(
            str(source),
            str(converted),
            formats=[FORMAT],
            images="reference",
            runner=Runner("local"),
        )
        answers = work / f"answers-{num_rows}.jsonl"
        _write_answers(converted, answers)
        for runner in ("local", "ray"):
            took = measure(
                python(
                    "groundray.engine", "predict", converted, work / f"out-{next(_numbers)}",
                    "--checkpoint", answers, "--format", FORMAT, "--split", "train",
                    "--runner", runner,
                )
            )  # fmt: skip
            print(
                f"| {num_rows:,} | {runner} | {took.wall_s:.1f} | {num_rows / took.wall_s:,.0f} "
                f"| {took.peak_bytes / 1e6:.0f} |"
            )


def _predict(converted: Path, work: Path, checkpoint: Path, **options: Any) -> tuple[float, float]:
    """Wall time, and the share of it that backends worked."""
    took = Busy()
    started = time.perf_counter()
    predict(
        str(converted),
        str(work / f"out-{next(_numbers)}"),
        checkpoints=[str(checkpoint)],
        format=FORMAT,
        split="train",
        on_progress=took,
        **options,
    )
    return time.perf_counter() - started, took.share


class Busy:
    """Listens to progress, and knows the share of time that backends worked."""

    share = 0.0

    def __call__(self, progress: PredictionProgress) -> None:
        """See the class."""
        took_s = progress.busy_s + progress.waited_s
        self.share = progress.busy_s / took_s if took_s else 0.0


def bare_loop(backend: Backend, converted: Path, batch_size: int, limit: int | None = None) -> None:
    """What a script does: read the images of a batch, answer, and the next."""
    opened = open_converted(str(converted))
    prompt = get_format(FORMAT).prompts["detection"]
    places = [
        place
        for file in opened.source.files
        for place in iter_places(opened.source, file, 0, file.num_rows)
    ][:limit]
    for first in range(0, len(places), batch_size):
        images = read_images(places[first : first + batch_size], backend.image_input)
        sound = [image for image in images if not isinstance(image, ImageError)]
        backend.answer([Prompt("", prompt, None, image) for image in sound])


def _convert(work: Path, images: int) -> Path:
    source, converted = work / f"images-{images}", work / f"images-{images}-out"
    make_coco_like(source, rows=images, files=2, row_group_rows=100)
    convert(str(source), str(converted), formats=[FORMAT], runner=Runner("local"))
    return converted


def _write_answers(converted: Path, answers: Path) -> None:
    from benchmarks.fixed_cost import ANSWER

    with answers.open("wb") as file:
        for shard in sorted((converted / FORMAT / "train").iterdir()):
            for line in shard.read_bytes().splitlines():
                said = {"id": orjson.loads(line)["id"], "text": ANSWER}
                file.write(orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE))


def _runners() -> list[tuple[str, Runner, Actors]]:
    return [
        ("groundray local", Runner("local"), Actors()),
        ("groundray, 1 actor on a warm cluster", Runner("ray"), Actors(1, 1)),
        ("groundray, 2 actors on a warm cluster (time doubled)", Runner("ray"), Actors(2, 2)),
    ]


@contextmanager
def _warm(runner: Runner) -> Iterator[None]:
    """A running cluster, where one is needed."""
    if runner.kind != "ray":
        yield
        return
    import ray

    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        yield
    finally:
        ray.shutdown()


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _row(name: str, wall_s: float, backend_s: float, bare_s: float, busy: float = 0.0) -> None:
    shown = f"{busy:.1%}" if busy else ""
    print(
        f"| {name} | {wall_s:.1f} | {wall_s / backend_s:.3f} | {wall_s / bare_s:.3f} | {shown} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
