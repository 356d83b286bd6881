"""Commands of groundray, one after the other, by a process that is connected to a running cluster.

python -m benchmarks.subjects.on_cluster COMMANDS keep|delete

COMMANDS is a JSON list of lists of arguments; what each wrote is kept, or deleted before the next
is run. Prints a JSON object: the seconds of each command in this process, when its first shard
stood on the disk, and what starting the cluster took.
"""

import json
import shutil
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

from groundray.engine.cli import main as groundray


def first_shard(output: Path) -> float:
    """The moment at which the first shard had its final name, in seconds since the epoch."""
    return min(shard.stat().st_ctime for shard in output.glob("*/train/*.jsonl"))


def main(commands: list[list[str]], *, keep: bool) -> None:
    """Starts a cluster of two workers, and runs the commands in it."""
    import ray

    started = time.time()
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    start_s, wall_s, first_s = time.time() - started, [], []
    for command in commands:
        started = time.time()
        with redirect_stdout(sys.stderr):
            try:
                groundray(command)
            except SystemExit as end:
                if end.code:
                    raise
        wall_s.append(time.time() - started)
        first_s.append(first_shard(Path(command[2])) - started)
        if not keep:
            shutil.rmtree(command[2])
    ray.shutdown()
    print(json.dumps({"start_s": start_s, "wall_s": wall_s, "first_shard_s": first_s}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), keep=sys.argv[2] == "keep")
