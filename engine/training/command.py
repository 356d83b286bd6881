"""How the trainer is called on each node: its command and what it reads from the environment."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from groundray.engine.training.job import TrainingJob
from groundray.engine.training.record import RESUME
from groundray.models.cpu_support import SHARED_OUTPUT

CLI = "paddleformers-cli"

NODE_0 = "ADDRESS_OF_NODE_0"
"""What a dry run writes for an address that only the launch knows."""


def trainer_command(job: TrainingJob) -> list[str]:
    """The command, the same on each node; it starts one process a GPU."""
    return [CLI, "train", job.config]


def resume_settings(checkpoint: Path | None) -> list[str]:
    """What follows the command, `key=value`, where it goes on from a checkpoint."""
    return [] if checkpoint is None else [f"{RESUME}={json.dumps(str(checkpoint))}"]


def trainer_environment(
    job: TrainingJob, *, rank: int, address: str, master_address: str, master_port: str
) -> dict[str, str]:
    """What is set in a node's environment, beside what stands there already.

    Args:
        job: the training.
        rank: of the node, from 0.
        address: of the node, as the others reach it; without it the launcher of the trainer waits
            for ever where a machine has several.
        master_address: of node 0.
        master_port: free on node 0.
    """
    devices = range(max(job.gpus_per_node, 1))  # a CPU counts as one
    environment = {
        "NNODES": str(job.nodes),
        "RANK": str(rank),
        "MASTER_ADDR": master_address,
        "MASTER_PORT": master_port,
        "POD_IP": address,
        "CUDA_VISIBLE_DEVICES": ",".join(map(str, devices)),
        SHARED_OUTPUT: "1",
    }
    if job.gpus_per_node == 0:
        environment["PADDLE_DISTRI_BACKEND"] = "gloo"
    return environment


def describe_launch(job: TrainingJob, settings: Sequence[str] = ()) -> str:
    """Every node's environment and command, as a shell would take them."""
    command = shlex.join([*trainer_command(job), *settings])
    nodes = []
    for rank in range(job.nodes):
        environment = trainer_environment(
            job,
            rank=rank,
            address=f"ADDRESS_OF_NODE_{rank}",
            master_address=NODE_0,
            master_port="FREE_PORT_OF_NODE_0",
        )
        lines = [f"{name}={value} \\" for name, value in environment.items()]
        nodes.append("\n".join([f"# node {rank}", *lines, command]))
    return "\n\n".join(nodes) + "\n"


def by_hand(job: TrainingJob) -> str:
    """How the training is started on a node without Groundray.

    The trainer calls a bare `python`, so the environment of this Python has to be active.
    """
    words = [CLI, "train", job.config]
    if job.nodes > 1:
        words = [
            f"NNODES={job.nodes} RANK=... MASTER_ADDR=... MASTER_PORT=... POD_IP=...",
            f"{SHARED_OUTPUT}=1",
            *words,
        ]
    devices = ",".join(map(str, range(max(job.gpus_per_node, 1))))
    backend = "" if job.gpus_per_node else " PADDLE_DISTRI_BACKEND=gloo"
    return f"CUDA_VISIBLE_DEVICES={devices}{backend} {' '.join(words)}"
