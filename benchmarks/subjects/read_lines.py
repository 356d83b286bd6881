"""The floor of evaluation: reads every line of a run's predictions, and does nothing with it.

python -m benchmarks.subjects.read_lines RUN
"""

import sys
from pathlib import Path

import orjson


def main(run: Path) -> None:
    """Reads all shards."""
    for shard in sorted(run.glob("*/*.jsonl")):
        with shard.open("rb") as lines:
            for line in lines:
                orjson.loads(line)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
