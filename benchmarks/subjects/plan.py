"""Planning alone: what it takes, and the memory that it adds to a process that has imported all.

python -m benchmarks.subjects.plan WARM_UP DATA [SAMPLES]

WARM_UP is a small data set that is planned first. Prints a JSON object.
"""

import json
import re
import sys
import time
from pathlib import Path

from groundray.engine.plan import Plan, make_plan
from groundray.engine.selection import Sampling
from groundray.engine.sources import open_source

_STATUS = Path("/proc/self/status")
_PEAK_IS_NOW = "5"  # what /proc/self/clear_refs takes


def plan(data: str, samples: int | None) -> Plan:
    """Opens a data set and plans it."""
    return make_plan(open_source([data]), Sampling(samples=samples), rows_per_shard=1000)


def resident_bytes(field: str) -> int:
    """`VmRSS` is what this process holds, `VmHWM` the most that it did."""
    found = re.search(rf"{field}:\s+(\d+) kB", _STATUS.read_text())
    return int(found[1]) * 1024 if found else 0


def main(warm_up: str, data: str, samples: int | None) -> None:
    """Plans the small data set, then the one to measure."""
    plan(warm_up, None)
    before = resident_bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text(_PEAK_IS_NOW)
    started, cpu = time.perf_counter(), time.process_time()
    made = plan(data, samples)
    said = {
        "wall_s": time.perf_counter() - started,
        "cpu_s": time.process_time() - cpu,
        "added_bytes": resident_bytes("VmHWM") - before,
        "units": len(made.units),
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else None)
