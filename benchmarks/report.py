"""The report: how long it takes to make, how large it is, and how soon it opens."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.bench import SAMPLE, Bench, Table, seconds
from benchmarks.measure import groundray, measure
from benchmarks.predictions import make_predictions
from tests.browser import MISSING, find_browser, open_browser, seconds_to_open

IMAGES, PER_IMAGE = 5_000, 20


def tables(bench: Bench) -> Iterator[Table]:
    """What a report costs beyond the scores, and what opening it does."""
    images = bench.size(IMAGES)
    runs = [bench.work / f"checkpoints/{number}" for number in range(3)]
    for number, folder in enumerate(runs):
        make_predictions(folder, images=images, per_image=PER_IMAGE, shards=5, seed=number)
    _make_images(bench, runs[0].parent / "images/val-00000", images)
    rows = []
    for compared in (runs[:1], runs):
        out = bench.fresh()
        without = measure(groundray("evaluate", *compared, bench.fresh(), "--gallery", 0))
        found = measure(groundray("evaluate", *compared, out))
        page = out / "report.html"
        rows.append(
            [
                str(len(compared)),
                seconds(without.cpu_s),
                seconds(found.cpu_s),
                seconds(found.wall_s),
                f"{found.peak_bytes / 1e6:.0f}",
                f"{page.stat().st_size / 1e6:.1f}",
                _opens_in(page, bench.runs),
            ]
        )
    yield Table(
        f"The report of {images:,} images, {images * PER_IMAGE:,} predictions a checkpoint",
        ("checkpoints", "CPU s, scores", "CPU s", "wall s", "memory MB", "file MB", "opens in s"),
        rows,
        "" if find_browser() else f"Not opened: {MISSING}.",
    )


def _opens_in(page: Path, runs: int) -> str:
    """Seconds until the gallery shows, where there is a browser."""
    if find_browser() is None:
        return ""
    with open_browser() as browser:
        return seconds(median(seconds_to_open(browser, page) for _ in range(runs)))


def _make_images(bench: Bench, folder: Path, images: int) -> None:
    """Image files where the predictions say that they are: the sample's, over and over."""
    converted = bench.fresh()
    measure(groundray("convert", SAMPLE, converted, "--format", "qwen3-vl", "--runner", "local"))
    sample = sorted(converted.glob("images/*/*.jpg"))
    folder.mkdir(parents=True)
    for i in range(images):
        (folder / f"{i + 1:012d}.jpg").hardlink_to(sample[i % len(sample)])
