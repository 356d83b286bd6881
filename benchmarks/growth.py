"""How conversion grows with rows, with workers, and what annotations alone take."""

from collections.abc import Iterator

from benchmarks.bench import COSTS, Bench, Table, costs, ratio
from benchmarks.data import IMAGE_BYTES, make_annotations, make_coco_like
from benchmarks.measure import groundray, measure, python

ROWS = (1_000, 4_000, 15_000, 60_000)
ROWS_PER_FILE = 750
ANNOTATION_ROWS, ANNOTATION_BYTES = 1_000_000, 1_000  # bytes that each becomes
BY_HAND = "the same lines by hand"

RUNNERS: dict[str, tuple[object, ...]] = {
    "local": ("--runner", "local"),
    "ray, 1 worker": ("--runner", "ray", "--num-cpus", 1),
    "ray, 2 workers": ("--runner", "ray", "--num-cpus", 2),
}


def tables(bench: Bench) -> Iterator[Table]:
    """Images, then annotations; each conversion runs once."""
    yield _images(bench)
    yield _annotations(bench)


def _images(bench: Bench) -> Table:
    rows, left_out = [], []
    for num_rows in bench.sizes(ROWS):
        if not bench.fits(num_rows * IMAGE_BYTES, len(RUNNERS)):
            left_out.append(f"{num_rows:,}")
            continue
        data = bench.work / f"images-{num_rows}"
        files = -(-num_rows // ROWS_PER_FILE)
        make_coco_like(data, rows=num_rows, files=files, row_group_rows=100)
        for name, options in RUNNERS.items():
            command = groundray("convert", data, bench.fresh(), "--format", "qwen3-vl", *options)
            took = measure(command, writes=num_rows * IMAGE_BYTES)
            rate = f"{num_rows / took.wall_s:,.0f}"
            rows.append([f"{num_rows:,}", name, *costs(took), rate])
    return Table(
        "Conversion of images of 150 KB, as rows and workers grow",
        ("images", "runner", *COSTS, "images / s"),
        rows,
        f"Left out for want of space: {', '.join(left_out)}." if left_out else "",
    )


def _annotations(bench: Bench) -> Table:
    num_rows = bench.size(ANNOTATION_ROWS)
    data = bench.work / "annotations"
    make_annotations(data, rows=num_rows, files=20)
    reference = ("--format", "qwen3-vl", "--images", "reference")
    by_hand = python("benchmarks.subjects.plain_lines", data, bench.fresh())
    writes = num_rows * ANNOTATION_BYTES
    took = {BY_HAND: measure(by_hand, writes=writes)}
    for name, options in RUNNERS.items():
        command = groundray("convert", data, bench.fresh(), *reference, *options)
        took[name] = measure(command, writes=writes)
    base = took[BY_HAND].wall_s
    return Table(
        f"Conversion of {num_rows:,} rows of 7 boxes whose images stay behind URLs",
        ("what", *COSTS, "rows / s", "wall / by hand"),
        [
            [name, *costs(each), f"{num_rows / each.wall_s:,.0f}", ratio(each.wall_s, base)]
            for name, each in took.items()
        ],
        "By hand: batches of pyarrow, boxes by numpy, a line by orjson at a time; no box is looked "
        "at, nothing is counted or hashed, no truth is written.",
    )
