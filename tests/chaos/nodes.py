"""A Ray cluster of two nodes on this machine, one of which can die."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from tests.chaos.commands import kill

_RAYS_OWN = ("IDLE", "DashboardAgent", "RuntimeEnvAgent", "ActorLocationTracker", "_")
"""What titles of processes that do nothing for us begin with: Ray's own actors have an underscore,
as has ours that answers."""


class Nodes:
    """A head, and a second node whose raylet can be killed and replaced."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        settings = {"num_cpus": 1, "include_dashboard": False}
        self._cluster: Any = Cluster(initialize_head=True, head_node_args=settings)
        self._second: Any = self._cluster.add_node(num_cpus=1)

    @property
    def address(self) -> str:
        """As it is given after `--address`."""
        return str(self._cluster.address)

    def workers(self) -> list[psutil.Process]:
        """Processes of both nodes that hold a task or an actor at the moment."""
        found = []
        for node in (self._cluster.head_node, self._second):
            try:
                found += workers_below(_raylet(node))
            except psutil.NoSuchProcess:
                continue
        return found

    def kill_second_raylet(self) -> None:
        """kill -9: its workers are left to notice by themselves."""
        kill(_raylet(self._second))

    def replace_second(self) -> None:
        """Puts another node in the place of the dead one."""
        self._cluster.remove_node(self._second, allow_graceful=False)
        self._second = self._cluster.add_node(num_cpus=1)

    def shutdown(self) -> None:
        """Ends every process of the cluster."""
        self._cluster.shutdown()


@contextmanager
def two_nodes() -> Iterator[Nodes]:
    """A cluster that ends with the block."""
    nodes = Nodes()
    try:
        yield nodes
    finally:
        nodes.shutdown()


def workers_below(process: psutil.Process) -> list[psutil.Process]:
    """Ray's worker processes below a process that hold a task or an actor at the moment."""
    return [
        child for child in process.children(recursive=True) if is_actor(child) or _is_task(child)
    ]


def is_actor(process: psutil.Process) -> bool:
    """Whether a worker process is one that answers."""
    return "_AnswerActor" in _title(process)


def _is_task(process: psutil.Process) -> bool:
    title = _title(process)
    return title.startswith("ray::") and not title[5:].startswith(_RAYS_OWN)


def _title(process: psutil.Process) -> str:
    try:
        return process.cmdline()[0]
    except (psutil.NoSuchProcess, IndexError):
        return ""


def _raylet(node: Any) -> psutil.Process:
    return psutil.Process(node.all_processes["raylet"][0].process.pid)
