"""The machines of a training: reserved together on Ray, or not at all."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from groundray.engine.training.job import TrainingJob
from groundray.engine.training.node import Address, TrainingNode
from groundray.formats.errors import TrainingError

_ANSWER_S = 120.0
_STOP_S = 40.0


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of a training.

    Attributes:
        actor: handle of its `TrainingNode`.
        address: where it is.
        ahead_s: its clock, less this machine's.
    """

    actor: Any
    address: Address
    ahead_s: float


@contextmanager
def reserved(job: TrainingJob, *, wait_s: float) -> Iterator[list[Node]]:
    """Holds a placement group with a bundle a node; Ray must be connected.

    When it ends, so does every process that was started on the nodes.

    Args:
        job: says how many nodes and GPUs.
        wait_s: for nodes that are busy, or still to come, at most.

    Raises:
        TrainingError: the cluster does not have them, or not by then; or a node lacks something.
    """
    import ray
    from ray.util.placement_group import placement_group, remove_placement_group

    bundle = {"CPU": 1.0, "GPU": float(job.gpus_per_node)}
    bundle = {name: count for name, count in bundle.items() if count}
    strategy = "STRICT_SPREAD" if job.nodes > 1 else "PACK"
    group = placement_group([bundle] * job.nodes, strategy=strategy)
    actors: list[Any] = []
    try:
        if not group.wait(wait_s):
            waited = f" (waited {wait_s:g} s)" if wait_s else ""
            raise TrainingError(f"{_asked(job)}, and {_describe_cluster()}{waited}")
        actors += [_start(job, group, number) for number in range(job.nodes)]
        yield _meet(actors)
    finally:
        with suppress(Exception):  # a node that is lost has nothing left to stop
            ray.get([actor.stop.remote() for actor in actors], timeout=_STOP_S)
        for actor in actors:
            ray.kill(actor)
        remove_placement_group(group)


def _start(job: TrainingJob, group: Any, number: int) -> Any:
    import ray
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    actor: Any = ray.remote(TrainingNode).options(
        num_cpus=1,
        num_gpus=job.gpus_per_node or None,
        max_restarts=0,
        scheduling_strategy=PlacementGroupSchedulingStrategy(
            placement_group=group, placement_group_bundle_index=number
        ),
    )
    return actor.remote(job, number)


def _meet(actors: list[Any]) -> list[Node]:
    import ray
    from ray.exceptions import GetTimeoutError, RayError

    nodes = []
    try:
        ray.get([actor.address.remote() for actor in actors], timeout=_ANSWER_S)  # all have started
        for number, actor in enumerate(actors):
            asked = time.time()
            address: Address = ray.get(actor.address.remote(), timeout=_ANSWER_S)
            ahead_s = address.time_s - (asked + time.time()) / 2
            if address.missing is not None:
                raise TrainingError(
                    f"node {number} ({address.host}) cannot train: {address.missing}"
                )
            nodes.append(Node(actor, address, ahead_s))
    except GetTimeoutError:
        raise TrainingError(f"a node did not answer within {_ANSWER_S:g} s") from None
    except RayError as error:
        raise TrainingError(f"a node could not be started: {error}") from error
    return nodes


def _asked(job: TrainingJob) -> str:
    nodes = "1 node" if job.nodes == 1 else f"{job.nodes} nodes"
    each = f"{job.gpus_per_node} GPUs" if job.gpus_per_node else "a free CPU"
    return f"the training asks for {nodes} with {each}{' each' if job.nodes > 1 else ''}"


def _describe_cluster() -> str:
    """What nodes there are, and how much of them is free."""
    import ray

    nodes: list[dict[str, Any]] = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    each = Counter(_describe(node["Resources"]) for node in nodes)
    free: dict[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]
    there = ", ".join(
        f"{count} node{'s' if count > 1 else ''} of {what}" for what, count in sorted(each.items())
    )
    return f"the cluster has {there or 'no nodes'}; free in all: {_describe(free)}"


def _describe(resources: Mapping[str, float]) -> str:
    counts = ((resources.get(name, 0.0), name) for name in ("CPU", "GPU"))
    return " and ".join(f"{count:g} {name}{'' if count == 1 else 's'}" for count, name in counts)
