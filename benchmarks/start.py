"""Start-up: of commands, of Ray, and until the first shard is on the disk."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench import COSTS, SAMPLE, Bench, Table, costs, seconds
from benchmarks.data import make_coco_like
from benchmarks.measure import groundray, measure, medians, on_cluster, python
from benchmarks.subjects.on_cluster import first_shard


def tables(bench: Bench) -> Iterator[Table]:
    """Commands on 16 rows; then what a cluster adds, started and running."""
    yield _commands(bench)
    yield _cluster(bench)


def _commands(bench: Bench) -> Table:
    convert = partial(_convert, bench, SAMPLE)
    commands: dict[str, Callable[[], list[str]]] = {
        "python that does nothing": lambda: [sys.executable, "-c", ""],
        "`groundray --help`": partial(groundray, "--help"),
        "`groundray formats`": partial(groundray, "formats", "list"),
        "`groundray inspect`": partial(groundray, "inspect", SAMPLE),
        "`groundray convert`": partial(convert, "local"),
        "`groundray convert --runner ray`": partial(convert, "ray", "--num-cpus", 2),
        "Ray started and stopped, nothing else": partial(python, "benchmarks.subjects.idle_ray"),
    }
    found = medians(commands, bench.runs)
    return Table(
        "Commands on the sample of 16 images",
        ("what", *COSTS),
        [[name, *costs(each)] for name, each in found.items()],
    )


def _cluster(bench: Bench) -> Table:
    rows, keep = bench.size(15_000), not bench.is_in_memory
    data = bench.work / "start"
    make_coco_like(data, rows=rows, files=20, row_group_rows=100)
    alone_s = median(_first_shard_s(_convert(bench, data, "ray")) for _ in range(bench.runs))
    joining_s = median(_first_shard_on_new_cluster_s(bench, data) for _ in range(bench.runs))
    cold = [on_cluster([_convert(bench, data, "ray")], keep=keep) for _ in range(bench.runs)]
    tiny = [_convert(bench, SAMPLE, runner) for runner in ("ray", "local") * (bench.runs + 1)]
    warm = on_cluster([*tiny, _convert(bench, data, "ray")], keep=keep)
    ray_s, local_s = median(warm.wall_s[2:-1:2]), median(warm.wall_s[3:-1:2])
    start_s = median(each.start_s for each in cold)
    first_s = median(each.first_shard_s[0] for each in cold)
    return Table(
        "What Ray adds: two workers; from the third row on, in a process that is connected to them",
        ("what", "s"),
        [
            [
                f"first shard of {rows:,} images on the disk, by a command that starts a Ray",
                seconds(alone_s),
            ],
            ["the same by a command on a cluster that has just started", seconds(joining_s)],
            ["`ray.init` of a local cluster", seconds(start_s)],
            [f"first shard of {rows:,} images on the disk, after `ray.init`", seconds(first_s)],
            ["the same on a cluster that ran before", seconds(warm.first_shard_s[-1])],
            ["16 images on a cluster that ran before", seconds(ray_s)],
            ["16 images with `--runner local`, same process", seconds(local_s)],
            ["what the running cluster adds", seconds(ray_s - local_s)],
        ],
        "A shard is on the disk when it has its final name. The first one holds 1,000 images.",
    )


def _first_shard_s(command: list[str]) -> float:
    """From the start of a conversion until its first shard has its final name."""
    started = time.time()
    measure(command)
    return first_shard(Path(command[len(groundray()) + 2])) - started


def _first_shard_on_new_cluster_s(bench: Bench, data: Path) -> float:
    with _cluster_of_two_cpus() as address:
        return _first_shard_s(_convert(bench, data, "ray", "--address", address))


@contextmanager
def _cluster_of_two_cpus() -> Iterator[str]:
    """The address of a cluster that has done nothing yet."""
    from ray.cluster_utils import Cluster

    settings = {"num_cpus": 2, "include_dashboard": False}
    cluster: Any = Cluster(initialize_head=True, head_node_args=settings)
    try:
        yield cluster.address
    finally:
        cluster.shutdown()


def _convert(bench: Bench, source: Path, runner: str, *options: object) -> list[str]:
    where = (source, bench.fresh())
    return groundray("convert", *where, "--format", "qwen3-vl", "--runner", runner, *options)
