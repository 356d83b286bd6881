"""What planning costs a row, and what a run costs its driver at a million units.

python -m benchmarks.scale [--units 1000000] [--ranks 50000000] [--on-ray 2000] [--work DIR]

The code is the engine's own. A million rows are planned from real files; beyond that, what reading
would give is made up (ranks, counts of row groups, commits), for no disk here holds it. Memory is
the most that the process held during a step above what it held before. Prints Markdown.
"""

import argparse
import gc
import pickle
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil

from benchmarks.data import make_annotations
from groundray.engine import head_start
from groundray.engine.commit_log import FOLD, CommitLog
from groundray.engine.plan import DrawnFile, Unit, make_plan, pack
from groundray.engine.rank_pools import make_rank_pools
from groundray.engine.run import Run
from groundray.engine.runners import Runner, connected, run_on_ray
from groundray.engine.selection import Sampling, select_all
from groundray.engine.shards import (
    COMMITS,
    Commit,
    OutputFile,
    commit_path,
    counted_name,
    shard_name,
)
from groundray.engine.sources import SourceFile, open_source
from groundray.engine.storage import LocalStore, Store, open_store
from groundray.engine.survey import Amount, FileCounts, FileDraw
from groundray.engine.workers import Threads

ROWS = 1_000_000
UNIT_ROWS = 1_000
FILE_ROWS, GROUP_ROWS = 3_300, 100  # a file of 500 MB
FORMATS = ("qwen3-vl", "glm-4.5v")
RECORDS = 10_000  # that are written one by one
S3_UNITS = 5_000


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=1_000_000)
    parser.add_argument("--ranks", type=int, default=50_000_000)
    parser.add_argument("--on-ray", type=int, default=2_000, help="units; 0 for none")
    parser.add_argument("--work", type=Path, default=None, help="where data and logs go")
    parser.add_argument("--bucket", help="URL of a bucket, for a log of 5,000 units")
    arguments = parser.parse_args()
    print("| what | wall s | CPU s | MB |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=arguments.work) as work:
        plan_rows(Path(work) / "rows")
        count_ranks(arguments.ranks)
        units = pack_units(arguments.units)
        if arguments.on_ray:
            run_units(units[: arguments.on_ray])
        del units
        keep_log(open_store(f"{work}/log"), arguments.units)
        if arguments.bucket:
            keep_log(open_store(f"{arguments.bucket}/log"), S3_UNITS)


def plan_rows(folder: Path) -> None:
    """A whole plan of real files."""
    make_annotations(folder, rows=ROWS, files=20)
    with measured(f"open a source of {ROWS:,} rows of annotations"):
        source = open_source([str(folder)])
    for name, sampling in (
        ("all", Sampling()),
        ("15,000 by hash", Sampling(samples=15_000)),
        ("15,000 by shuffle", Sampling(samples=15_000, method="shuffle")),
    ):
        with measured(f"plan it, {name}"):
            make_plan(source, sampling, rows_per_shard=UNIT_ROWS)


def count_ranks(num_ranks: int) -> None:
    """Finds thresholds and repeats among the ranks of all files."""
    rng = np.random.default_rng(0)
    groups = [
        {"train": rng.integers(0, 2**64, ROWS, dtype=np.uint64)} for _ in range(num_ranks // ROWS)
    ]
    with measured(f"repeats and the smallest tenth of {num_ranks:,} ranks"):
        found = make_rank_pools(groups, num_ranks, ["train"], Threads())
        found.pools["train"].smallest(num_ranks // 10)


def pack_units(num_units: int) -> tuple[Unit, ...]:
    """Packs the row groups of all files."""
    num_files = num_units * UNIT_ROWS // FILE_ROWS
    bounds = np.arange(0, FILE_ROWS + 1, GROUP_ROWS, dtype=np.int64)
    counts = np.full((FILE_ROWS // GROUP_ROWS, 1), GROUP_ROWS, dtype=np.int64)
    nothing = {-1: Amount(), -2: Amount(), -3: Amount()}
    with measured(f"what is kept of {num_files:,} files of {len(counts)} row groups"):
        files = [
            DrawnFile(
                made_file(i, num_files),
                FileCounts(bounds.copy(), bounds.copy(), Amount(), nothing, frozenset()),
                FileDraw(counts.copy(), Amount(), None, ()),
                [],
            )
            for i in range(num_files)
        ]
    with measured(f"pack their row groups into {num_units:,} units"):
        units, _ = pack(files, select_all(["train"], keep_empty=False), UNIT_ROWS)
    sizes = [len(pickle.dumps(unit)) for unit in units[:: max(len(units) // 1000, 1)]]
    print(f"| a unit, pickled: {np.mean(sizes):.0f} bytes | | | |")
    return units


def made_file(index: int, num_files: int) -> SourceFile:
    """A file as `open_source` would find it."""
    name = f"train-{index:05d}-of-{num_files:05d}"
    return SourceFile(
        url=f"s3://a-bucket/a-data-set/data/{name}.parquet",
        relative=f"data/{name}.parquet",
        scope=None,
        split="train",
        size_bytes=500_000_000 + index,
        footer_sha256=f"{index:064x}",
        version=f"{index}",
        row_groups=(GROUP_ROWS,) * (FILE_ROWS // GROUP_ROWS),
        stem=name,
        dataset="s3://a-bucket/a-data-set",
    )


class Nothing:
    """The work of a unit, without any."""

    def __call__(self, unit: Unit) -> Commit:
        """See the class."""
        return made_commit(unit.index, 1_000_000)


def run_units(units: Sequence[Unit]) -> None:
    """Has units that do nothing done by Ray Data on two CPUs."""
    runner = Runner("ray", num_cpus=2)
    head_start.MOST_UNITS = 0  # none is done by this process
    with connected(runner):
        list(run_on_ray(Nothing(), units[:2], runner))  # starts the workers
        with measured(f"{len(units):,} units on Ray Data that do nothing"):
            first_s = 0.0
            began = time.perf_counter()
            for _ in run_on_ray(Nothing(), units, runner):
                first_s = first_s or time.perf_counter() - began
        print(f"| the first of them is done | {first_s:.2f} | | |")


def made_commit(unit: int, units: int) -> Commit:
    """What a unit of one shard says that it has written; a thousand units name the same files."""
    number = unit // FOLD
    names = [f"{name}/train/{counted_name('train', number, units)}.jsonl" for name in FORMATS]
    names.append(f"truth/train/{shard_name('train', number, units)}.parquet")
    files = tuple(OutputFile(name, 0, f"{unit:064x}", UNIT_ROWS) for name in names)
    kinds = ("rows", "records", "boxes", "images")
    return Commit(unit, files, {f"{kind}/written": UNIT_ROWS for kind in kinds})


def keep_log(store: Store, num_units: int) -> None:
    """Keeps a log and reads it again; files that its commits name are there, and empty."""
    kind = "a folder" if isinstance(store, LocalStore) else "a bucket"
    log = CommitLog(store)
    if isinstance(store, LocalStore):
        for unit in range(0, num_units, FOLD):
            for file in made_commit(unit, num_units).files:
                path = store.root / file.path
                if unit == 0:
                    path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
    commits = [made_commit(unit, num_units) for unit in range(min(num_units, RECORDS))]
    with measured(f"{len(commits):,} commit records to {kind}, the tasks' part"):
        for commit in commits:
            store.write(commit_path(commit.unit), commit.to_json())
    with measured(f"{len(commits):,} commits taken in, the driver's part"):
        for commit in commits:
            log.add(commit)
    with measured(f"{num_units - len(commits):,} more, whose records nobody wrote"):
        for unit in range(len(commits), num_units):
            log.add(made_commit(unit, num_units))
    print(f"| files that the log is then | {len(store.names(COMMITS)):,} | | |")
    with measured(f"a log of {num_units:,} commits read at a resume"):
        log = CommitLog(store)
    with measured("its checksums written"):
        Run(store, "", "", log, None).write_checksums()


@contextmanager
def measured(what: str) -> Iterator[None]:
    """Prints what a step took."""
    gc.collect()
    process = psutil.Process()
    before = peak = process.memory_info().rss
    stop = threading.Event()

    def look() -> None:
        nonlocal peak
        while not stop.wait(0.005):
            peak = max(peak, process.memory_info().rss)

    thread = threading.Thread(target=look)
    thread.start()
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield
    finally:
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        stop.set()
        thread.join()
    print(f"| {what} | {wall:.2f} | {cpu:.2f} | {(peak - before) / 1e6:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
