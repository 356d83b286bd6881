"""A scene: one command with its INPUT and OUTPUT, about to be disturbed."""

import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from tests.chaos.commands import Start
from tests.chaos.nodes import Nodes, workers_below
from tests.chaos.output import Output, open_output
from tests.chaos.proxy import Proxy
from tests.chaos.workload import Workload
from tests.engine.on_workers import ON_WORKERS

Where = Literal["one process", "own Ray", "cluster", "S3"]
"""What a command runs on: the calling process; a Ray that it starts; the workers of a running
cluster of two nodes; or the calling process, with INPUT and OUTPUT on an object store."""


@dataclass(slots=True)
class Scene:
    """One command with its INPUT and OUTPUT.

    Attributes:
        workload: what is done.
        where: what it runs on.
        rng: every choice is drawn from it.
        folder: empty, and this scene's own.
        source: INPUT.
        target: OUTPUT.
        nodes: the cluster, where it runs on one.
        proxy: what stands between it and the object store, where it uses one.
        env: variables that it is started with.
        prefix: what is typed before the command.
        accepted: the results that it may end with; any of them, but no mixture.
        start: the start that is under way.
    """

    workload: Workload
    where: Where
    rng: random.Random
    folder: Path
    source: str
    target: str
    nodes: Nodes | None = None
    proxy: Proxy | None = None
    env: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    accepted: list[dict[str, bytes]] = field(default_factory=list)
    start: Start | None = None
    num_starts: int = 0

    @property
    def output(self) -> Output:
        """What is in OUTPUT."""
        return open_output(self.target)

    @property
    def running(self) -> Start:
        """The start that is under way."""
        if self.start is None:
            raise AssertionError("nothing was started")
        return self.start

    def type_command(self, *more: str) -> Start:
        """Starts the command, as typed the first time; `more` comes after it."""
        self.start = self.another_start(*more)
        return self.start

    def another_start(self, *more: str) -> Start:
        """A start of the same command, beside the one that is under way."""
        self.num_starts += 1
        arguments = self.workload.arguments(self.source, self.target, [*self._runner(), *more])
        log = self.folder / f"start-{self.num_starts}.log"
        program = ("-m", "groundray.engine") if self.nodes is None else ("-c", ON_WORKERS)
        return Start(arguments, log, env=self.env, prefix=self.prefix, program=program)

    def workers(self) -> list[psutil.Process]:
        """Ray's processes that hold a task or an actor of the command."""
        if self.nodes is not None:
            return self.nodes.workers()
        try:
            return workers_below(psutil.Process(self.running.pid))
        except psutil.NoSuchProcess:
            return []

    def copy_source(self) -> Path:
        """Gives the command an INPUT of its own, which may be changed."""
        copy = self.folder / "in"
        shutil.copytree(self.source, copy)
        self.source = str(copy)
        return copy

    def _runner(self) -> Sequence[str]:
        if self.where == "own Ray":
            return ("--runner", "ray", "--num-cpus", "2")
        if self.nodes is not None:
            return ("--runner", "ray", "--address", self.nodes.address)
        return ("--runner", "local")
