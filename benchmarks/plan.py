"""Planning: all of a million rows, and some of them chosen."""

import json
from collections.abc import Iterator
from statistics import median

from benchmarks.bench import SAMPLE, Bench, Table, seconds
from benchmarks.data import make_annotations
from benchmarks.measure import measure, python

ROWS = 1_000_000
CHOSEN = 15_000


def tables(bench: Bench) -> Iterator[Table]:
    """What it takes, beside a process that has imported everything."""
    num_rows, chosen = bench.size(ROWS), bench.size(CHOSEN)
    data = bench.work / "annotations"
    make_annotations(data, rows=num_rows, files=20)
    rows = []
    for name, options in (("all", []), (f"{chosen:,} chosen", [chosen])):
        said = [
            json.loads(measure(python("benchmarks.subjects.plan", SAMPLE, data, *options)).said)
            for _ in range(bench.runs)
        ]
        wall_s, cpu_s, added, units = (
            median(each[key] for each in said)
            for key in ("wall_s", "cpu_s", "added_bytes", "units")
        )
        rate = f"{num_rows / cpu_s:,.0f}"
        rows.append(
            [name, seconds(wall_s), seconds(cpu_s), rate, f"{added / 1e6:.0f}", f"{units:.0f}"]
        )
    yield Table(
        f"Planning {num_rows:,} rows in 20 files",
        ("rows", "wall s", "CPU s", "rows / CPU s", "memory MB above the imports", "units"),
        rows,
        "From opening the data set to the plan, in a process that planned 16 rows before.",
    )
