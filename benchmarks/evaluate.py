"""Evaluation against pycocotools, which gives AP and nothing else, and its memory as runs grow.

python -m benchmarks.evaluate [--runs 3] [--work DIR]

Prints Markdown. Scores alone: the report has no gallery. Figures of one table come from one run on
one machine: compare within it.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.measure import Measured, measure, median_of, python
from benchmarks.predictions import make_predictions

IMAGES, PER_IMAGE = 5_000, 20
GROWTH = (10_000, 25_000, 50_000)
"""Images of the runs whose memory is measured; 20 predictions each, a million at the end."""


def main() -> None:
    """Makes the predictions, measures, and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--work", type=Path, default=None, help="where predictions go")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.work) as work:
        print_speed(Path(work), arguments.runs)
        print_memory(Path(work))


def print_speed(work: Path, runs: int) -> None:
    """Everything that evaluation gives, beside pycocotools."""
    run = work / "run"
    make_predictions(run, images=IMAGES, per_image=PER_IMAGE, shards=5, seed=0)
    results, truth = work / "dt.json", work / "dt.truth.json"
    measure(python("groundray.engine", "export", run, results, "--coco"))
    out = work / "out"
    commands = {
        "pycocotools, AP alone": python("benchmarks.pycocotools_ap", truth, results),
        "evaluate, all there is": _evaluate(run, out),
        "the same without intervals": _evaluate(run, out, "--bootstrap", "0"),
        "evaluate --coco": _evaluate("--coco", truth, results, out),
    }
    measured: dict[str, list[Measured]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            measured[name].append(measure(command))
    medians = {name: median_of(each) for name, each in measured.items()}
    base = medians["pycocotools, AP alone"]
    predictions = IMAGES * PER_IMAGE
    print(f"\n{IMAGES:,} images, 36,000 targets, {predictions:,} predictions; median of {runs}\n")
    print("| what | wall s | CPU s | memory MB | pycocotools / this, wall | CPU |")
    print("|---|---|---|---|---|---|")
    for name, each in medians.items():
        print(
            f"| {name} | {each.wall_s:.2f} | {each.cpu_s:.2f} | {each.peak_bytes / 1e6:.0f} "
            f"| {base.wall_s / each.wall_s:.1f} | {base.cpu_s / each.cpu_s:.1f} |"
        )


def print_memory(work: Path) -> None:
    """Peak memory and time as the number of predictions grows."""
    print("\n| predictions | wall s | memory MB |")
    print("|---|---|---|")
    for images in GROWTH:
        folder = work / f"run-{images}"
        make_predictions(folder, images=images, per_image=PER_IMAGE, shards=10, seed=0)
        found = measure(_evaluate(folder, work / "out", "--runner", "local"))
        print(f"| {images * PER_IMAGE:,} | {found.wall_s:.1f} | {found.peak_bytes / 1e6:.0f} |")


def _evaluate(*arguments: object) -> list[str]:
    return python("groundray.engine", "evaluate", *arguments, "--gallery", 0, "--overwrite")


if __name__ == "__main__":
    main()
