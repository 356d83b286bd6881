"""A training job: what the launch needs to know of a training that was prepared."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """A training that is ready to run.

    Attributes:
        output: absolute path of OUTPUT, which every node sees; everything that the launch keeps
            goes there.
        config: absolute path of the trainer's YAML in OUTPUT; complete: it can be run by hand with
            `paddleformers-cli train`.
        nodes: how many take part, each on a machine of its own.
        gpus_per_node: trainer processes of each node, one a GPU; 0 for a single one on the CPU.
    """

    output: str
    config: str
    nodes: int
    gpus_per_node: int
