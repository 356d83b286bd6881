"""Conversion against the usual script and the physical limit, on data made from the sample.

python -m benchmarks.convert [--rows 15000] [--runs 3] [--work DIR]

Prints Markdown. Figures of one table come from one run on one machine: compare within it.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.data import make_annotations, make_coco_like
from benchmarks.measure import Measured, measure, median_of, python

FILES = 20
ANNOTATION_ROWS = 1_000_000
CHOSEN = 15_000


def main() -> None:
    """Makes the data, measures, and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=15_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--work", type=Path, default=None, help="where data and outputs go")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.work) as work:
        folder = Path(work)
        print_images(folder, arguments.rows, arguments.runs)
        print_annotations(folder)
        print_rates()


def print_images(work: Path, rows: int, runs: int) -> None:
    """Whole conversions, images and all."""
    data = work / "group100"
    make_coco_like(data, rows=rows, files=FILES, row_group_rows=100)
    wide, single = work / "group1000", work / "single"
    make_coco_like(wide, rows=rows, files=rows // 1000 or 1, row_group_rows=1000)
    make_coco_like(single, rows=3_000, files=1, row_group_rows=3_000)
    fresh = (work / f"out-{i}" for i in range(10_000))
    tiny = Path(__file__).parents[1] / "tests/data/coco_small_ccby"

    def convert(source: Path, *options: str) -> list[str]:
        formats = ["--format", "qwen3-vl", "--max-reject-ratio", "1"]
        return python("groundray.engine", "convert", source, next(fresh), *formats, *options)

    def copy(module: str, *options: object) -> list[str]:
        return python(module, data, next(fresh), *options)

    commands: dict[str, Callable[[], list[str]]] = {
        "usual script": partial(copy, "benchmarks.usual_script"),
        "floor, 1 process": partial(copy, "benchmarks.floor"),
        "floor, 2 processes": partial(copy, "benchmarks.floor", 2),
        "groundray local": partial(convert, data, "--runner", "local"),
        "groundray local, 16 rows (start-up)": partial(convert, tiny, "--runner", "local"),
        "groundray local, row groups of 1000": partial(convert, wide, "--runner", "local"),
        "groundray local, one row group of 450 MB": partial(convert, single, "--runner", "local"),
        "groundray ray, start and stop of Ray inside": partial(
            convert, data, "--runner", "ray", "--num-cpus", "2"
        ),
    }
    measured: dict[str, list[Measured]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            if name != "usual script" or not measured[name]:
                measured[name].append(measure(command()))
    medians = {name: median_of(each) for name, each in measured.items()}
    script, floor = medians["usual script"], medians["floor, 1 process"]
    print(f"\n{rows:,} images of 150 KB in {FILES} files; median of {runs} (the script: 1)\n")
    print("| what | wall s | CPU s | memory MB | wall / script | wall / floor |")
    print("|---|---|---|---|---|---|")
    for name, each in medians.items():
        print(
            f"| {name} | {each.wall_s:.2f} | {each.cpu_s:.2f} | {each.peak_bytes / 1e6:.0f} "
            f"| {each.wall_s / script.wall_s:.3f} | {each.wall_s / floor.wall_s:.2f} |"
        )
    warm = warm_ray_s(data, fresh, runs)
    two = medians["floor, 2 processes"].wall_s
    print(
        f"| groundray ray, on a running cluster | {warm:.2f} | | | {warm / script.wall_s:.3f} "
        f"| {warm / floor.wall_s:.2f} ({warm / two:.2f} of 2 processes) |"
    )


def warm_ray_s(data: Path, fresh: Iterator[Path], runs: int) -> float:
    """Seconds of a conversion by a process that is connected to a cluster with warm workers."""
    script = (
        "import sys, time, ray\n"
        "from groundray.engine import Runner, convert\n"
        "ray.init('local', num_cpus=2, include_dashboard=False, log_to_driver=False)\n"
        "for output in sys.argv[2:]:\n"
        "    started = time.perf_counter()\n"
        "    convert(sys.argv[1], output, formats=['qwen3-vl'], runner=Runner('ray'))\n"
        "    print(time.perf_counter() - started, flush=True)\n"
    )
    outputs = [str(next(fresh)) for _ in range(runs + 1)]
    done = subprocess.run(
        [sys.executable, "-c", script, str(data), *outputs],
        check=True,
        capture_output=True,
        text=True,
    )
    return median([float(line) for line in done.stdout.split()][1:])


def print_annotations(work: Path) -> None:
    """A million rows of annotations: all of them written, and some of them chosen."""
    from groundray.engine.plan import make_plan
    from groundray.engine.selection import Sampling
    from groundray.engine.sources import open_source

    data = work / "annotations"
    make_annotations(data, rows=ANNOTATION_ROWS, files=FILES)
    options = ["--format", "qwen3-vl", "--images", "reference", "--runner", "local"]
    one = python("groundray.engine", "convert", data, work / "annotations-out", *options)
    measured = measure(one)
    source = open_source([str(data)])
    started = time.process_time()
    make_plan(source, Sampling(samples=CHOSEN), rows_per_shard=1000)
    cpu_s = time.process_time() - started
    print(f"\n{ANNOTATION_ROWS:,} rows of 7 boxes, images behind URLs\n")
    print("| what | rows / s | |")
    print("|---|---|---|")
    rate = ANNOTATION_ROWS / measured.wall_s
    print(f"| written, one process | {rate:,.0f} a second | {measured.peak_bytes / 1e6:.0f} MB |")
    print(f"| {CHOSEN:,} chosen | {ANNOTATION_ROWS / cpu_s:,.0f} a CPU second | |")


def print_rates() -> None:
    """Normalising, and the time that `--help` takes."""
    from groundray.formats import format_names, get_format

    rng = np.random.default_rng(0)
    sizes = rng.integers(200, 2000, (1_000_000, 2)).astype(np.float64)
    corner = rng.uniform(0, 0.5, (1_000_000, 2)) * sizes
    xyxy = np.hstack([corner, corner + rng.uniform(0, 0.5, (1_000_000, 2)) * sizes])
    print("\n| what | seconds |")
    print("|---|---|")
    for name in format_names():
        encode = get_format(name).encode
        times = []
        for _ in range(5):
            started = time.perf_counter()
            encode(xyxy, sizes)
            times.append(time.perf_counter() - started)
        print(f"| {name}: a million boxes normalised | {median(times):.3f} |")
    helps = [measure(python("groundray.engine", "--help")).wall_s for _ in range(5)]
    print(f"| groundray --help | {median(helps):.2f} |")


if __name__ == "__main__":
    main()
