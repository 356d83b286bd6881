"""Whole trainings: the trainer's own command, on two raylets, over gloo, on CPUs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import yaml
from PIL import Image

from groundray.engine.training.job import TrainingJob
from groundray.engine.training.launch import TrainingResult, launch
from groundray.engine.training.node import Line
from groundray.formats.errors import OutputError, TrainingError
from groundray.models import cpu_support
from groundray.models.recipes import get_recipe
from groundray.models.tiny import build_tiny
from tests.engine.training.training_made import example, write_shard

if TYPE_CHECKING:
    from groundray.engine.training.log import TrainingProgress

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

HEAD = {"num_cpus": 1, "include_dashboard": False}

NUM_EXAMPLES = 8
STEPS = 4

DRIVER = """
import signal, sys
from groundray.engine.training.launch import launch
from groundray.engine.training.job import TrainingJob
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have it ignored behind an &
output, config, nodes, address = sys.argv[1:]
launch(TrainingJob(output, config, int(nodes), 0), address=address)
"""


class Made:
    """A tiny checkpoint, and examples whose answers all have the same number of tokens.

    A step's loss is the mean over processes of each one's mean over tokens, so only then does it
    not depend on how the examples are dealt out. Every step takes all of them.
    """

    def __init__(self, folder: Path) -> None:
        self.model = folder / "tiny"
        build_tiny(self.model, family="qwen3-vl", overwrite=False)
        lines = []
        for number in range(NUM_EXAMPLES):
            (folder / "images").mkdir(exist_ok=True)
            Image.new("RGB", (200, 100), (30 * number, 0, 0)).save(folder / f"images/{number}.jpg")
            left, top = 100 + 11 * number, 500 - 13 * number
            objects = {"ref": ["cat"], "bbox": [[left, top, left + 400, top + 300]]}
            lines.append(example(f"../../images/{number}.jpg", objects=objects))
        self.data = folder / "qwen3-vl/train/train-00000-of-00001.jsonl"
        write_shard(self.data, lines)

    def job(self, output: Path, *, nodes: int, **settings: Any) -> TrainingJob:
        """A training of one process a node."""
        output.mkdir()
        config = output / "recipe.yaml"
        config.write_text(
            yaml.safe_dump(
                get_recipe("qwen3-vl-tiny-cpu").settings
                | {
                    "model_name_or_path": str(self.model),
                    "custom_register_path": cpu_support.__file__,
                    "train_dataset_path": str(self.data),
                    "train_dataset_type": "messages",
                    "train_dataset_prob": "1.0",
                    "do_train": True,
                    "output_dir": str(output / "checkpoints"),
                    "per_device_train_batch_size": NUM_EXAMPLES // nodes,
                    "max_steps": STEPS,
                    "max_seq_len": 512,
                    "warmup_steps": 0,
                    "save_steps": 2,
                    "save_hf_steps": 2,
                    "logging_steps": 1,
                }
                | settings
            )
        )
        return TrainingJob(str(output), str(config), nodes, 0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A cluster of two nodes on this machine, with room for one trainer each."""
    from ray.cluster_utils import Cluster

    cluster: Any = Cluster(initialize_head=True, head_node_args=HEAD)
    cluster.add_node(num_cpus=1)
    yield cluster.address
    cluster.shutdown()


class Run:
    """A finished training, and what was told of it."""

    def __init__(self, job: TrainingJob, address: str) -> None:
        self.job = job
        self.lines: list[Line] = []
        self.progress: list[TrainingProgress] = []
        self.reserved_at: list[int] = []  # lines that had been told by then
        self.result: TrainingResult = launch(
            job,
            address=address,
            on_reserved=lambda: self.reserved_at.append(len(self.lines)),
            on_line=self.lines.append,
            on_progress=self.progress.append,
        )


@pytest.fixture(scope="module")
def two_nodes(made: Made, address: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(made.job(tmp_path_factory.mktemp("two") / "out", nodes=2), address)


def losses(job: TrainingJob) -> list[float]:
    rows = map(json.loads, Path(job.output, "metrics.jsonl").read_text().splitlines())
    steps = [row for row in rows if "loss" in row]
    assert [row["step"] for row in steps] == list(range(1, len(steps) + 1))
    return [row["loss"] for row in steps]


def trainers(job: TrainingJob) -> list[psutil.Process]:
    """Processes that a training runs: every one has its configuration among its arguments."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if job.config in (process.info["cmdline"] or ()) and process.info["cmdline"][1] != "-c"
    ]


def rank_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("PADDLE_TRAINER_ID")
    except psutil.Error:
        return None


def wait_for(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def assert_nothing_is_left(job: TrainingJob, address: str) -> None:
    """No process within seconds, and no placement group that holds a node."""
    import ray
    from ray.util.placement_group import placement_group_table

    wait_for(lambda: not trainers(job), 20)
    ray.init(address=address, log_to_driver=False, ignore_reinit_error=True)

    def states() -> set[str]:
        table: dict[str, Any] = placement_group_table()
        return {group["state"] for group in table.values()}

    try:
        wait_for(lambda: states() <= {"REMOVED"}, 30)
    finally:
        ray.shutdown()


def test_two_nodes_train_as_one_process_with_the_same_batch(
    made: Made, two_nodes: Run, address: str, tmp_path: Path
) -> None:
    one = Run(made.job(tmp_path / "out", nodes=1), address)
    assert len(losses(one.job)) == STEPS
    assert losses(two_nodes.job) == pytest.approx(losses(one.job), rel=1e-5)
    assert one.result.loss == losses(one.job)[-1] < losses(one.job)[0]


def test_what_two_nodes_said_is_told_and_kept_by_rank(two_nodes: Run) -> None:
    logs = Path(two_nodes.job.output, "logs")
    assert {path.name for path in logs.iterdir()} == {
        *("node-0.log", "node-1.log"),
        *("rank-0.log", "rank-1.log"),
    }
    for rank in (0, 1):
        told = [line.text for line in two_nodes.lines if line.rank == rank]
        assert told == (logs / f"rank-{rank}.log").read_text().splitlines()
        assert sum("global_step: 4" in text for text in told) == 2
        assert not any("\x1b" in text for text in told)
    assert [each.step for each in two_nodes.progress] == [0, 1, 2, 3, 4]
    assert {each.total_steps for each in two_nodes.progress} == {STEPS}
    assert two_nodes.progress[-1].left_s == 0
    assert two_nodes.reserved_at == [0]


def test_a_model_that_two_nodes_saved_is_whole(two_nodes: Run) -> None:
    for folder in (two_nodes.result.model, two_nodes.result.model / "hf_checkpoint-2"):
        index = json.loads((folder / "model.safetensors.index.json").read_text())
        shards = {path.name for path in folder.glob("*.safetensors")}
        assert set(index["weight_map"].values()) == shards


def test_a_training_leaves_nothing_but_output(two_nodes: Run, address: str) -> None:
    assert_nothing_is_left(two_nodes.job, address)
    files = [path for path in Path(two_nodes.job.output).rglob("*") if path.is_file()]
    environment = b"PADDLE_TRAINER_ENDPOINTS="  # its launcher writes down all of it
    assert not [path for path in files if environment in path.read_bytes()]


def test_a_finished_training_is_left_as_it_is(two_nodes: Run) -> None:
    again = launch(two_nodes.job, address="nowhere:1", resume=True)
    assert not again.is_new
    assert again.loss == two_nodes.result.loss


def test_a_killed_rank_ends_all_and_the_training_goes_on_from_its_checkpoint(
    made: Made, two_nodes: Run, address: str, tmp_path: Path
) -> None:
    job = made.job(tmp_path / "out", nodes=2)
    victims: list[int] = []

    def kill_rank_1(line: Line) -> None:
        if not victims and line.rank == 0 and "global_step: 3," in line.text:
            victims.extend(each.pid for each in trainers(job) if rank_of(each) == "1")
            os.kill(victims[0], signal.SIGKILL)

    with pytest.raises(TrainingError) as caught:
        launch(job, address=address, on_line=kill_rank_1)
    message = str(caught.value)
    assert len(victims) == 1, message
    assert "rank 1 on node 1" in message.splitlines()[0]
    assert "failed first, killed by SIGKILL" in message.splitlines()[0]
    assert f"{job.output}/logs/rank-1.log" in message
    assert not trainers(job)

    with pytest.raises(OutputError, match="--resume goes on"):
        launch(job, address=address)
    torso = Path(job.output, "checkpoints/checkpoint-3")
    torso.mkdir()
    resumed = launch(job, address=address, resume=True)
    assert resumed.from_step == 2
    assert losses(job) == pytest.approx(losses(two_nodes.job), rel=1e-5)
    assert not torso.exists()


@pytest.mark.parametrize(("signal_number", "nodes"), [(signal.SIGKILL, 2), (signal.SIGINT, 1)])
def test_a_driver_that_goes_away_leaves_no_process(
    made: Made, address: str, tmp_path: Path, signal_number: signal.Signals, nodes: int
) -> None:
    job = made.job(tmp_path / "out", nodes=nodes, max_steps=10_000, save_steps=10_000)
    scratch: set[str] = set()
    driver = [sys.executable, "-c", DRIVER, job.output, job.config, str(nodes), address]
    with subprocess.Popen(driver, stderr=subprocess.PIPE) as process:
        ranks = set(map(str, range(nodes)))
        wait_for(lambda: {rank_of(each) for each in trainers(job)} >= ranks)
        scratch |= {each.environ()["PADDLEFORMERS_DIST_LOG"] for each in trainers(job)}
        with pytest.raises(OutputError, match=f"another run .process {process.pid}."):
            launch(job, address=address)
        process.send_signal(signal_number)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=60)
        process.kill()
    assert process.returncode in (1, -signal_number)
    assert_nothing_is_left(job, address)
    assert len(scratch) == nodes
    wait_for(lambda: not any(Path(folder).exists() for folder in scratch), 10)


@pytest.mark.parametrize(("nodes", "gpus_per_node"), [(3, 0), (1, 2)])
def test_too_small_a_cluster_is_refused_in_time(
    made: Made, address: str, tmp_path: Path, nodes: int, gpus_per_node: int
) -> None:
    made_job = made.job(tmp_path / "out", nodes=nodes)
    job = TrainingJob(made_job.output, made_job.config, nodes, gpus_per_node)
    asked = "3 nodes with a free CPU each" if nodes == 3 else "1 node with 2 GPUs"
    with pytest.raises(TrainingError, match=asked) as caught:
        launch(job, address=address, wait_s=1, on_reserved=lambda: pytest.fail("it was told so"))
    assert "the cluster has 2 nodes of 1 CPU and 0 GPUs" in str(caught.value)
    assert_nothing_is_left(job, address)


def test_a_trainer_that_refuses_its_settings_is_quoted(
    made: Made, address: str, tmp_path: Path
) -> None:
    job = made.job(tmp_path / "out", nodes=1, no_such_setting=1)
    with pytest.raises(TrainingError) as caught:
        launch(job, address=address)
    first, *_, last = str(caught.value).splitlines()
    assert "failed first, exit status 1" in first
    assert "no_such_setting" in last


@pytest.mark.slow
def test_a_lost_node_ends_all_and_is_named_though_others_fail_of_it(
    made: Made, tmp_path: Path
) -> None:
    from ray.cluster_utils import Cluster

    job = made.job(tmp_path / "out", nodes=2, max_steps=10_000, save_steps=10_000)
    cluster: Any = Cluster(initialize_head=True, head_node_args=HEAD)
    doomed = [cluster.add_node(num_cpus=1)]

    def lose_a_node(line: Line) -> None:
        if doomed and line.rank == 0 and "global_step: 2," in line.text:
            cluster.remove_node(doomed.pop(), allow_graceful=False)

    try:
        with pytest.raises(TrainingError, match=r"node \d .* was lost") as caught:
            launch(job, address=cluster.address, on_line=lose_a_node)
        assert not doomed, str(caught.value)
        wait_for(lambda: not trainers(job), 20)
    finally:
        cluster.shutdown()
