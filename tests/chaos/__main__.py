"""`python -m tests.chaos convert|predict`: many trials, each with a fault at a random moment."""

import argparse
import os
import random
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import get_args

from tests.chaos.faults import FAULTS, Fault
from tests.chaos.nodes import two_nodes
from tests.chaos.scene import Where
from tests.chaos.trial import Grounds, Result, Trial, results_table
from tests.chaos.workload import Workload, make_conversion, make_prediction
from tests.servers import s3_server

_MAKERS: dict[str, Callable[..., Workload]] = {
    "convert": make_conversion,
    "predict": make_prediction,
}
_SMALL = {"convert": {"files": 2, "file_rows": 30}, "predict": {"records": 60}}
"""What goes over HTTP, where an image is a request."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs trials; the exit status is the number of those that failed, at most 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("command", choices=sorted(_MAKERS))
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the first run; the next has seed+1")
    parser.add_argument("--fault", nargs="+", choices=[fault.name for fault in FAULTS])
    parser.add_argument("--where", nargs="+", choices=get_args(Where), help="of these, those only")
    parser.add_argument("--keep", type=Path, help="folder for what failed runs leave")
    options = parser.parse_args(argv)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have it ignored behind an &
    faults = _possible_faults(options.command, options.fault, options.where)
    found: list[Result] = []
    with _grounds(options.command, faults, options.keep) as grounds:
        for seed in range(options.seed, options.seed + options.runs):
            fault = random.Random(seed).choice(faults)
            found.append(Trial(fault, seed, grounds).run())
            print(found[-1], flush=True)
            if found[-1].wrong:
                print(f"  again: {_repeat(options, seed)}", flush=True)
    print(results_table(found))
    own = [result.outlived_s for result in found if result.where == "own Ray"]
    print(f"\na local Ray outlived its driver for {max(own, default=0.0):.1f} s at most")
    return int(any(result.wrong for result in found))


def _repeat(options: argparse.Namespace, seed: int) -> str:
    """The command for one run of these; what faults are there counts for what is drawn."""
    typed = ["python", "-m", "tests.chaos", options.command, "--runs", "1", "--seed", str(seed)]
    for name in ("fault", "where"):
        if chosen := getattr(options, name):
            typed += [f"--{name}", *chosen]
    return shlex.join(typed)


def _possible_faults(
    command: str, names: Sequence[str] | None, places: Sequence[Where] | None
) -> list[Fault]:
    """The faults that were asked for and can be made here."""
    faults = []
    for fault in FAULTS:
        where = tuple(place for place in fault.where if not places or place in places)
        if command not in fault.workloads or not where or (names and fault.name not in names):
            continue
        if (obstacle := fault.obstacle()) is not None:
            print(f"left out: {fault.name}: {obstacle}")
            continue
        faults.append(replace(fault, where=where))
    return faults


@contextmanager
def _grounds(command: str, faults: Sequence[Fault], keep: Path | None) -> Iterator[Grounds]:
    """What the faults need."""
    where = {place for fault in faults for place in fault.where}
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        temporary = stack.enter_context(tempfile.TemporaryDirectory(prefix="ray-"))
        os.environ["RAY_TMPDIR"] = temporary  # short: it holds the paths of sockets
        os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
        make = _MAKERS[command]
        workload = make(folder / "data")
        nodes = stack.enter_context(two_nodes()) if "cluster" in where else None
        if "S3" not in where:
            yield Grounds(folder, workload, nodes)
            return
        server = stack.enter_context(s3_server())
        remote = make(folder / "remote", bucket=_make_bucket(server), **_SMALL[command])
        yield Grounds(folder, workload, nodes, server, remote)


def _make_bucket(server: str) -> str:
    from s3fs import S3FileSystem

    os.environ["AWS_ENDPOINT_URL"] = server
    os.environ["AWS_ACCESS_KEY_ID"] = "key"
    os.environ["AWS_SECRET_ACCESS_KEY"] = "secret"  # noqa: S105  of a server that asks for none
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    S3FileSystem().mkdir("chaos")
    return "s3://chaos"


if __name__ == "__main__":
    sys.exit(main())
