"""Commands whose units are all done by Ray's workers.

Else the process of a command does the first ones, while workers start: all of them, in tests.
"""

import sys
from pathlib import Path

ON_WORKERS = """
import sys
from groundray.engine import head_start
from groundray.engine.cli import main
head_start.MOST_UNITS = 0
sys.exit(main(sys.argv[1:]))
"""
"""A program like `groundray`."""


def on_workers(
    *arguments: str | Path, num_cpus: int = 2, python: str = sys.executable
) -> list[str]:
    """A command of groundray on a Ray of its own, to be done by its workers."""
    ray = ("--runner", "ray", "--num-cpus", str(num_cpus))
    return [python, "-c", ON_WORKERS, *map(str, arguments), *ray]
