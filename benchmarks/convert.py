"""Conversion against the usual script and the physical limit."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.bench import COSTS, SAMPLE, Bench, Table, costs, ratio, seconds
from benchmarks.data import IMAGE_BYTES, make_coco_like, mean_image_bytes
from benchmarks.measure import Measured, groundray, medians, on_cluster, python

ROWS, FILES = 15_000, 20
SINGLE_ROWS, FORMATS_ROWS = 3_000, 6_000
SCRIPT, FLOOR, TWO = "usual script", "floor, 1 process", "floor, 2 processes"
HASHED = "floor, 1 process, sha256 of all it writes"
WIDE, WIDE_FLOOR = "`--runner local`, row groups of 1,000", "floor, row groups of 1,000"
SINGLE = "`--runner local`, 3,000 images in one row group of 450 MB"
FORMATS = ("qwen3-vl", "ernie-4.5-vl", "glm-4.5v", "qwen2.5-vl", "qwen3-vl-json", "internvl")


def tables(bench: Bench) -> Iterator[Table]:
    """Whole conversions, what of them is our own work, and what further formats cost."""
    rows = bench.size(ROWS)
    bench.check_fits(rows * IMAGE_BYTES, 6 + 6 * bench.runs)
    data, wide, single = (bench.work / name for name in ("group100", "group1000", "single"))
    make_coco_like(data, rows=rows, files=FILES, row_group_rows=100)
    make_coco_like(wide, rows=rows, files=rows // 1000 or 1, row_group_rows=1000)
    make_coco_like(
        single, rows=bench.size(SINGLE_ROWS), files=1, row_group_rows=bench.size(SINGLE_ROWS)
    )
    local, ray = ("--runner", "local"), ("--runner", "ray", "--num-cpus", 2)
    alone: dict[str, Callable[[], list[str]]] = {
        SCRIPT: partial(_beside, bench, "usual_script", data),
        FLOOR: partial(_beside, bench, "floor", data),
        HASHED: partial(_beside, bench, "floor", data, 1, "sha256"),
        TWO: partial(_beside, bench, "floor", data, 2),
        "`--runner local`": partial(_convert, bench, data, *local),
        WIDE_FLOOR: partial(_beside, bench, "floor", wide),
        WIDE: partial(_convert, bench, wide, *local),
        SINGLE: partial(_convert, bench, single, *local),
        "`--runner ray`, Ray's start and stop inside": partial(_convert, bench, data, *ray),
    }
    start: dict[str, Callable[[], list[str]]] = {
        "floor, 16 images": partial(_beside, bench, "floor", SAMPLE),
        "`--runner local`, 16 images": partial(_convert, bench, SAMPLE, *local),
        "`--runner ray`, 16 images": partial(_convert, bench, SAMPLE, *ray),
    }
    once = (SCRIPT, HASHED, TWO, SINGLE)
    writes = rows * IMAGE_BYTES
    found = medians({**alone, **start}, bench.runs, once=once, writes=writes)
    warm_ray = [_convert(bench, each, "--runner", "ray") for each in (SAMPLE, *[data] * bench.runs)]
    warm_s = median(on_cluster(warm_ray, keep=not bench.is_in_memory, writes=writes).wall_s[1:])
    size = mean_image_bytes(data) / 1e3
    title = f"Conversion of {rows:,} images of {size:.0f} KB in {FILES} files to qwen3-vl"
    yield _whole(title, {name: found[name] for name in alone}, warm_s)
    yield _work(found)
    yield _formats(bench)


def _whole(title: str, found: dict[str, Measured], warm_s: float) -> Table:
    script = found[SCRIPT]
    rows = []
    for name, each in found.items():
        floor = found[WIDE_FLOOR if name == WIDE else FLOOR]
        ratios = [
            ratio(each.wall_s, script.wall_s),
            ratio(each.cpu_s, script.cpu_s),
            ratio(each.wall_s, floor.wall_s),
        ]
        rows.append([name, *costs(each), *(ratios if name != SINGLE else [""] * 3)])
    by_script, by_floor = ratio(warm_s, script.wall_s), ratio(warm_s, found[FLOOR].wall_s)
    warm = ["`--runner ray`, on a running cluster", seconds(warm_s), "", "", ""]
    return Table(
        title,
        ("what", *COSTS, "wall / script", "CPU / script", "wall / floor"),
        [*rows, [*warm, by_script, "", by_floor]],
        "The script, two processes, sha256 and the one row group ran once. Row groups have 100 "
        "images where nothing is said; those of 1,000 stand beside their own floor. The floor "
        "reads the same columns and writes the same image files: 1,000 a folder, aside, renamed "
        "with their folder. The running cluster has two CPUs and warm workers; of the two-process "
        f"floor its wall time is {ratio(warm_s, found[TWO].wall_s)}.",
    )


def _work(found: dict[str, Measured]) -> Table:
    """CPU time with the start of the same command, measured on 16 images, taken off."""
    floor_s = found[FLOOR].cpu_s - found["floor, 16 images"].cpu_s
    rows = []
    for name, start in (
        (FLOOR, "floor, 16 images"),
        ("`--runner local`", "`--runner local`, 16 images"),
        ("`--runner ray`, Ray's start and stop inside", "`--runner ray`, 16 images"),
    ):
        work_s = found[name].cpu_s - found[start].cpu_s
        cells = [seconds(value) for value in (found[name].cpu_s, found[start].cpu_s, work_s)]
        rows.append([name, *cells, ratio(work_s, floor_s)])
    return Table(
        "The same conversion's own work: CPU time without what 16 images take",
        ("what", "CPU s", "of it start", "work", "work / floor's"),
        rows,
        "Start is interpreter, imports, reading footers, Ray where it is started.",
    )


def _formats(bench: Bench) -> Table:
    """What each further format adds to one conversion."""
    rows = bench.size(FORMATS_ROWS)
    data = bench.work / "formats"
    make_coco_like(data, rows=rows, files=4, row_group_rows=100)
    local = ("--runner", "local")
    commands: dict[str, Callable[[], list[str]]] = {
        str(many): partial(_convert, bench, data, *local, formats=FORMATS[:many])
        for many in (1, 2, 3, 6)
    }
    commands["1, of 16 images: start"] = partial(_convert, bench, SAMPLE, *local)
    found = medians(commands, bench.runs, writes=rows * IMAGE_BYTES)
    one_s = found["1"].cpu_s
    first_s = one_s - found["1, of 16 images: start"].cpu_s
    shown = []
    for name, each in found.items():
        further = int(name) - 1 if name.isdigit() else 0
        share = f"{(each.cpu_s - one_s) / further / first_s:.1%}" if further else ""
        shown.append([name, *costs(each), share])
    return Table(
        f"{rows:,} images to several formats at once, one process",
        ("formats", *COSTS, "CPU of each further one / the first without start"),
        shown,
    )


def _convert(
    bench: Bench, source: Path, *options: object, formats: tuple[str, ...] = FORMATS[:1]
) -> list[str]:
    return groundray("convert", source, bench.fresh(), "--format", ",".join(formats), *options)


def _beside(bench: Bench, name: str, source: Path, *options: object) -> list[str]:
    return python(f"benchmarks.subjects.{name}", source, bench.fresh(), *options)
