"""Commands in a process that belongs to a Ray already.

There Ray's workers do every unit. Where a command starts its Ray, its own process does the first.
"""

import sys
from pathlib import Path

_MAIN = """
import sys
import ray
from groundray.engine.cli import main
ray.init("local", num_cpus=int(sys.argv[1]), include_dashboard=False, log_to_driver=False)
sys.exit(main(sys.argv[2:]))
"""


def on_workers(
    *arguments: str | Path, num_cpus: int = 2, python: str = sys.executable
) -> list[str]:
    """A command of groundray, to be done by Ray's workers."""
    return [python, "-c", _MAIN, str(num_cpus), *map(str, arguments), "--runner", "ray"]
