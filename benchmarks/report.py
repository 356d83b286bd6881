"""The report of 5,000 images: how long it takes to make, how large it is, and how soon it opens.

python -m benchmarks.report [--runs 3] [--work DIR]

Needs Chromium (see docs/report.md). Prints Markdown. The images are those of the sample, over and
over, each a file of its own.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.measure import measure, python
from benchmarks.predictions import make_predictions
from tests.browser import open_browser, seconds_to_open

IMAGES, PER_IMAGE = 5_000, 20
_SAMPLE = Path(__file__).parent.parent / "tests/data/coco_small_ccby"


def main() -> None:
    """Makes predictions and images, then reports of one and of three checkpoints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--work", type=Path, default=None, help="where everything goes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.work) as work:
        print_table(Path(work), arguments.runs)


def print_table(work: Path, runs: int) -> None:
    """What a report costs beyond the scores, and what opening it does."""
    make_images(work)
    names = [work / f"checkpoint-{number}" for number in range(3)]
    for number, folder in enumerate(names):
        make_predictions(folder, images=IMAGES, per_image=PER_IMAGE, shards=5, seed=number)
    print(f"\n{IMAGES:,} images, {IMAGES * PER_IMAGE:,} predictions a checkpoint\n")
    print("| checkpoints | CPU s, scores | CPU s | wall s | memory MB | file MB | opens in s |")
    print("|---|---|---|---|---|---|---|")
    for shown in (names[:1], names):
        out = work / "out"
        command = python("groundray.engine", "evaluate", *shown, out, "--overwrite")
        without = measure([*command, "--gallery", "0"])
        found = measure(command)
        page = out / "report.html"
        with open_browser() as browser:
            opened = median(seconds_to_open(browser, page) for _ in range(runs))
        print(
            f"| {len(shown)} | {without.cpu_s:.1f} | {found.cpu_s:.1f} | {found.wall_s:.1f} "
            f"| {found.peak_bytes / 1e6:.0f} | {page.stat().st_size / 1e6:.1f} | {opened:.2f} |"
        )


def make_images(work: Path) -> None:
    """Image files where the predictions say that they are."""
    converted = work / "converted"
    measure(
        python(
            "groundray.engine", "convert", _SAMPLE, converted, "--format", "qwen3-vl",
            "--runner", "local", "--json",
        )
    )  # fmt: skip
    sample = sorted(converted.glob("images/*/*.jpg"))
    folder = work / "images" / "val-00000"
    folder.mkdir(parents=True)
    for i in range(IMAGES):
        (folder / f"{i + 1:012d}.jpg").hardlink_to(sample[i % len(sample)])


if __name__ == "__main__":
    main()
