"""Evaluation against pycocotools, which gives AP and nothing else, and its memory as runs grow."""

from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.bench import COSTS, Bench, Table, costs, ratio
from benchmarks.measure import groundray, measure, medians, python
from benchmarks.predictions import make_predictions

IMAGES, PER_IMAGE = 5_000, 20
GROWTH = (10_000, 25_000, 50_000)
"""Images of the runs whose memory is measured; 20 predictions each, a million at the end."""

AP_ALONE, LINES = "pycocotools, AP alone", "floor: lines read, nothing else"


def tables(bench: Bench) -> Iterator[Table]:
    """Scores alone: the report has no gallery, which `report` measures."""
    yield _speed(bench)
    yield _growth(bench)


def _speed(bench: Bench) -> Table:
    run, images = bench.work / "predictions", bench.size(IMAGES)
    make_predictions(run, images=images, per_image=PER_IMAGE, shards=5, seed=0)
    results, truth = bench.work / "dt.json", bench.work / "dt.truth.json"
    measure(groundray("export", run, results, "--coco"))
    commands: dict[str, Callable[[], list[str]]] = {
        AP_ALONE: partial(python, "benchmarks.subjects.pycocotools_ap", truth, results),
        LINES: partial(python, "benchmarks.subjects.read_lines", run),
        "`evaluate`, all there is": partial(_evaluate, bench, run),
        "the same without intervals": partial(_evaluate, bench, run, "--bootstrap", 0),
        "`evaluate --coco`, from the same two files": lambda: groundray(
            "evaluate", "--coco", truth, results, bench.fresh()
        ),
    }
    found = medians(commands, bench.runs)
    rows = [
        [
            name,
            *costs(each),
            ratio(each.wall_s, found[AP_ALONE].wall_s),
            ratio(each.cpu_s, found[AP_ALONE].cpu_s),
            ratio(each.cpu_s, found[LINES].cpu_s),
        ]
        for name, each in found.items()
    ]
    return Table(
        f"Scores of {images:,} images, {images * PER_IMAGE:,} predictions",
        ("what", *COSTS, "wall / pycocotools", "CPU / pycocotools", "CPU / floor"),
        rows,
        "About 7 targets an image; predictions as dense as COCO's objects are.",
    )


def _growth(bench: Bench) -> Table:
    rows = []
    for images in bench.sizes(GROWTH):
        run = bench.work / f"predictions-{images}"
        make_predictions(run, images=images, per_image=PER_IMAGE, shards=10, seed=0)
        took = measure(_evaluate(bench, run, "--runner", "local"))
        rows.append([f"{images * PER_IMAGE:,}", *costs(took)])
    return Table("Scores as predictions grow, in one process", ("predictions", *COSTS), rows)


def _evaluate(bench: Bench, *arguments: object) -> list[str]:
    return groundray("evaluate", *arguments, bench.fresh(), "--gallery", 0)
