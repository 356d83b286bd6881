"""`groundray train`: what a dry run prints, and a training from the command to the checkpoint."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from groundray.engine.cli import main
from groundray.engine.storage import LocalStore
from groundray.engine.training.record import Attempt, TrainingRecord, now, write_record
from groundray.models.loading import load
from groundray.models.recipes import get_recipe
from groundray.models.tiny import build_tiny
from tests.engine.training.test_checkpoints import WHOLE
from tests.engine.training.test_checkpoints import write as write_checkpoint
from tests.engine.training.training_made import plan, write_data, write_inline
from tests.models.asking import Paddle

PINNED = """\
# {out}/recipe.yaml
# What the trainer is told, written by `groundray train`. By hand, with this Python's
# environment active (the trainer calls a bare `python`):
#   CUDA_VISIBLE_DEVICES=0,1,2,3,4,5,6,7 paddleformers-cli train {out}/recipe.yaml
# Recipe: qwen3-vl-full (PaddlePaddle/PaddleFormers, release/v1.0, grounding practice of Qwen3-VL)

{recipe}
### of this training
model_name_or_path: Qwen/Qwen3-VL-8B-Instruct
train_dataset_path: >-
  {data}/train/train-00000-of-00002.jsonl,
  {data}/train/train-00001-of-00002.jsonl
train_dataset_type: messages, messages
train_dataset_prob: 1.0, 1.0
eval_dataset_path: >-
  {data}/val/val-00000-of-00002.jsonl,
  {data}/val/val-00001-of-00002.jsonl
eval_dataset_type: messages, messages
eval_dataset_prob: 1.0, 1.0
do_eval: true
evaluation_strategy: steps
do_train: true
output_dir: {out}/checkpoints
logging_dir: {out}/visualdl
estimation_output_file: {out}/estimation.json
custom_register_path: {out}/trainer_support.py

# node 0
NNODES=1 \\
RANK=0 \\
MASTER_ADDR=ADDRESS_OF_NODE_0 \\
MASTER_PORT=FREE_PORT_OF_NODE_0 \\
POD_IP=ADDRESS_OF_NODE_0 \\
CUDA_VISIBLE_DEVICES=0,1,2,3,4,5,6,7 \\
GROUNDRAY_SHARED_OUTPUT=1 \\
paddleformers-cli train {out}/recipe.yaml
"""


def test_a_dry_run_of_eight_gpus_prints_exactly_what_would_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = write_data(tmp_path / "made", train=4, val=2, shards=2), tmp_path / "out"
    model = "Qwen/Qwen3-VL-8B-Instruct"
    assert main(["train", str(data), str(out), "--model", model, "--dry-run"]) == 0
    printed = capsys.readouterr()
    recipe = get_recipe("qwen3-vl-full").yaml
    assert printed.out == PINNED.format(data=data, out=out, recipe=recipe)
    assert not out.exists()
    assert "recipe: qwen3-vl-full; 1 x 8 GPUs, 8 sequences in a step" in printed.err
    assert f"curves: visualdl --logdir {out}/visualdl --port 8080" in printed.err
    assert "not checked: tokens were not counted" in printed.err


def test_a_dry_run_of_two_nodes_gives_each_its_rank_and_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = str(write_data(tmp_path / "made")), str(tmp_path / "out")
    assert main(["train", data, out, "--model", "a/b", "--nodes", "2", "--dry-run"]) == 0
    nodes = capsys.readouterr().out.split("# node ")[1:]
    assert len(nodes) == 2
    for rank, node in enumerate(nodes):
        assert f"RANK={rank} \\\n" in node
        assert f"POD_IP=ADDRESS_OF_NODE_{rank} \\\n" in node
        assert "NNODES=2 \\\nRANK" in node
        assert "MASTER_ADDR=ADDRESS_OF_NODE_0 \\\n" in node


def test_a_dry_run_says_where_it_would_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = str(write_data(tmp_path / "made")), tmp_path / "out"
    for step, names in ((2, WHOLE), (4, WHOLE[:3])):
        write_checkpoint(out / "checkpoints", step, names)
    assert main(["train", data, str(out), "--model", "a/b", "--dry-run", "--resume"]) == 0
    command = capsys.readouterr().out.splitlines()[-1]
    assert shlex.split(command)[-2:] == [
        f"{out}/recipe.yaml",
        f'resume_from_checkpoint="{out}/checkpoints/checkpoint-2"',
    ]
    assert not (out / "recipe.yaml").exists()


def test_a_finished_training_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = write_data(tmp_path / "made"), tmp_path / "out"
    configuration = yaml.safe_load(plan(data, out).settings.yaml)
    finished = Attempt(now(), nodes=1, gpus_per_node=8, ended=now(), outcome="finished")
    write_record(LocalStore(out), TrainingRecord(configuration, [finished]))
    (out / "recipe.yaml").write_text(yaml.safe_dump(configuration))
    before = (out / "recipe.yaml").read_bytes()
    command = ["train", str(data), str(out), "--model", "Qwen/Qwen3-VL-8B-Instruct"]
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("had been trained before: 0 steps: ")
    assert (out / "recipe.yaml").read_bytes() == before
    assert main([*command, "--dry-run"]) == 0
    assert capsys.readouterr().out == f"# {out} holds this training, finished: nothing would run\n"


def test_bad_data_fails_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = write_data(tmp_path / "made"), tmp_path / "out"
    (tmp_path / "made/images/train-1.jpg").unlink()
    assert main(["train", str(data), str(out), "--model", "a/b"]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: the data is not fit to train on: missing_image in 1 examples")
    assert not out.exists()


def test_cpu_and_gpus_exclude_each_other(tmp_path: Path) -> None:
    data, out = str(write_data(tmp_path / "made")), str(tmp_path / "out")
    both = ["--cpu", "--gpus-per-node", "2"]
    assert main(["train", data, out, "--model", "a/b", *both]) == 2
    assert main(["train", data, out, "--model", "a/b", "--check", "some"]) == 1


def trained(
    data: Path, out: Path, model: Path, settings: dict[str, int], *options: str
) -> subprocess.CompletedProcess[str]:
    """Trains by the command, in a process of its own."""
    command = [sys.executable, "-m", "groundray.engine", "train", str(data), str(out), "--cpu"]
    chosen = [word for each in settings.items() for word in ("--set", "{}={}".format(*each))]
    done = subprocess.run(
        [*command, "--model", str(model), *options, *chosen],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def can_answer(checkpoint: Path) -> bool:
    """Whether the model loads, its weights compared with its files."""
    return load(str(checkpoint)).is_adapted


@pytest.mark.slow  # the demo's test trains by the same command
@pytest.mark.ray
@pytest.mark.timeout(600)
def test_a_tiny_model_is_trained_by_one_command(tmp_path: Path, paddle: Paddle) -> None:
    data, out = write_data(tmp_path / "made", train=4, val=2, shards=2), tmp_path / "out"
    paddle(build_tiny, tmp_path / "tiny")
    settings = {"max_steps": 4, "save_steps": 2, "eval_steps": 2, "logging_steps": 1}
    done = trained(data, out, tmp_path / "tiny", settings)
    assert done.stdout.startswith("trained 4 steps, loss ")
    assert "tokens, 99 %" in done.stderr
    for model in ("checkpoints", "checkpoints/hf_checkpoint-2", "checkpoints/hf_checkpoint-4"):
        assert not paddle(can_answer, out / model)
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "loss" in row] == [1, 2, 3, 4]
    assert [row["step"] for row in rows if "eval_loss" in row] == [2, 4]
    assert json.loads((out / "preflight.json").read_text())["splits"]["train"]["tokens_max"] > 0
    assert list((out / "visualdl").iterdir())


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(600)
def test_glm_is_trained_to_a_model_that_loads(tmp_path: Path, paddle: Paddle) -> None:
    data = write_inline(tmp_path / "made", name="glm-4.5v")
    paddle(build_tiny, tmp_path / "tiny", family="glm-4.5v")
    done = trained(data, tmp_path / "out", tmp_path / "tiny", {"max_steps": 2, "eval_steps": 1})
    assert "so no hf_checkpoint-N appears" in done.stderr
    assert not paddle(can_answer, tmp_path / "out/checkpoints")


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(600)
def test_an_adapter_is_trained_and_evaluated(tmp_path: Path, paddle: Paddle) -> None:
    data, out = write_data(tmp_path / "made", train=4, val=2), tmp_path / "out"
    paddle(build_tiny, tmp_path / "tiny")
    recipe = tmp_path / "lora.yaml"
    tiny = get_recipe("qwen3-vl-tiny-cpu").yaml
    recipe.write_text(tiny.replace("fine_tuning: full", "fine_tuning: lora\nlora_rank: 4"))
    settings = {"max_steps": 2, "save_steps": 2, "eval_steps": 2}
    trained(data, out, tmp_path / "tiny", settings, "--recipe", str(recipe))
    assert "eval_loss" in (out / "metrics.jsonl").read_text()
    for model in ("checkpoints", "checkpoints/hf_checkpoint-2"):
        assert paddle(can_answer, out / model)
