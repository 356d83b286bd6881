"""A training's plan: settings put together, contradictions refused, and what is written."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from groundray.engine.lock import locked
from groundray.engine.storage import LocalStore
from groundray.engine.training.preflight import Preflight, SplitNumbers
from groundray.engine.training.train import (
    Training,
    parse_setting,
    plan_training,
    recipe_file,
    train,
    write_training,
)
from groundray.formats.errors import ModelError, OutputError, SourceError
from groundray.models.tiny import build_tiny
from tests.engine.training.test_checkpoints import WHOLE
from tests.engine.training.test_checkpoints import write as write_checkpoint
from tests.engine.training.training_made import plan, write_data
from tests.models.asking import Paddle
from tests.models.recipes.test_recipes import parsed_by_trainer


def settings_of(training: Training) -> dict[str, Any]:
    """What a reader of OUTPUT/recipe.yaml finds there."""
    settings: dict[str, Any] = yaml.safe_load(recipe_file(training))
    return settings


def test_the_file_holds_every_setting_with_the_recipes_reasons(tmp_path: Path) -> None:
    training = plan(write_data(tmp_path / "made", shards=2, train=4), tmp_path / "out")
    settings = settings_of(training)
    assert settings == training.settings.values
    assert settings["model_name_or_path"] == "Qwen/Qwen3-VL-8B-Instruct"
    assert settings["output_dir"] == str(tmp_path / "out/checkpoints")
    assert settings["logging_dir"] == str(tmp_path / "out/visualdl")
    assert settings["tensor_model_parallel_size"] == 4
    assert "# Only the language model learns" in recipe_file(training)
    assert (training.job.nodes, training.job.gpus_per_node) == (1, 8)
    assert training.global_batch == 8 // 4 * 1 * 4


def test_shards_are_named_one_by_one_with_as_many_types_and_shares(tmp_path: Path) -> None:
    data = write_data(tmp_path / "made", shards=2, train=4)
    settings = settings_of(plan(data, tmp_path / "out"))
    for split, theirs in (("train", "train"), ("val", "eval")):
        paths = (
            settings[f"{theirs}_dataset_path"].replace(" ", "").split(",")
        )  # as the trainer does
        assert paths == [str(path) for path in sorted((data / split).iterdir())]
        assert settings[f"{theirs}_dataset_type"].replace(" ", "").split(",") == ["messages"] * 2
        assert settings[f"{theirs}_dataset_prob"].replace(" ", "").split(",") == ["1.0"] * 2


def test_it_is_evaluated_where_there_is_a_val(tmp_path: Path) -> None:
    settings = settings_of(plan(write_data(tmp_path / "a"), tmp_path / "out"))
    assert (settings["do_eval"], settings["evaluation_strategy"]) == (True, "steps")
    settings = settings_of(plan(write_data(tmp_path / "b", val=0), tmp_path / "out"))
    assert (settings["do_eval"], settings["evaluation_strategy"]) == (False, "no")
    assert "eval_dataset_path" not in settings


@pytest.mark.timeout(300)
def test_the_trainer_takes_what_is_written_for_every_recipe(tmp_path: Path) -> None:
    pytest.importorskip("paddleformers")
    written = {}
    for recipe, options in {
        "qwen3-vl-full": {},
        "qwen3-vl-lora": {},
        "ernie-4.5-vl-full": {},
        "glm-4.5v-full": {"nodes": 4},
        "qwen3-vl-tiny-cpu": {"gpus_per_node": 0},
        "glm-4.5v-tiny-cpu": {"gpus_per_node": 0},
    }.items():
        data = write_data(tmp_path / recipe, train=4, shards=2)
        training = plan(data, tmp_path / "out", recipe=recipe, **options)
        written[recipe] = settings_of(training)
        write_training(training, Preflight({"train": SplitNumbers(1)}, 8192))
    assert set(parsed_by_trainer(written)) == set(written)


def changed(data: Path, output: Path, settings: dict[str, Any], **options: Any) -> dict[str, Any]:
    return dict(plan(data, output, settings=settings, **options).settings.values)


def test_what_is_set_wins_under_either_spelling(tmp_path: Path, paddle: Paddle) -> None:
    data = write_data(tmp_path / "made")
    wanted = {"attn_impl": "sdpa", "learning_rate": "1e-5", "packing": False, "recompute": False}
    values = paddle(changed, data, tmp_path / "out", wanted)
    assert values["_attn_implementation"] == "sdpa"
    assert values["learning_rate"] == 1.0e-5
    assert values["packing"] is False
    assert values["recompute_granularity"] is None
    assert "attn_impl" not in values


def test_models_that_load_are_as_frequent_as_states(tmp_path: Path, paddle: Paddle) -> None:
    data, output = write_data(tmp_path / "made"), tmp_path / "out"
    assert paddle(changed, data, output, {})["save_hf_steps"] == 100
    assert paddle(changed, data, output, {"save_steps": 30})["save_hf_steps"] == 30
    both = {"save_steps": 30, "save_hf_steps": 60}
    assert paddle(changed, data, output, both)["save_hf_steps"] == 60


def test_an_unknown_setting_is_met_with_the_right_one(tmp_path: Path, paddle: Paddle) -> None:
    data = write_data(tmp_path / "made")
    with pytest.raises(ModelError, match="no setting 'lerning_rate'; did you mean 'learning_rate'"):
        paddle(changed, data, tmp_path / "out", {"lerning_rate": 1})
    with pytest.raises(ModelError, match="--set output_dir: OUTPUT decides that"):
        paddle(changed, data, tmp_path / "out", {"output_dir": "elsewhere"})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1", 1),
        ("a=1e-4", 1e-4),
        ("a=true", True),
        ("a=", ""),
        ("a=x=y", "x=y"),
        ("a=[loss_fn]", ["loss_fn"]),
        ("save_strategy=no", "no"),
    ],
)
def test_a_setting_is_typed_as_the_trainer_wants_it(text: str, value: object) -> None:
    assert parse_setting(text)[1] == value


@pytest.mark.parametrize("text", ["a", "=1", "a=[1"])
def test_a_setting_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="--set"):
        parse_setting(text)


def test_gpus_hold_a_whole_number_of_copies(tmp_path: Path) -> None:
    data = write_data(tmp_path / "made")
    with pytest.raises(ModelError, match=r"6 GPUs .* do not hold .* one takes 4"):
        plan(data, tmp_path / "out", gpus_per_node=6)
    assert plan(data, tmp_path / "out", gpus_per_node=4).global_batch == 4
    assert plan(data, tmp_path / "out", nodes=2).global_batch == 16


def test_a_recipe_and_a_device_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    data = write_data(tmp_path / "made")
    with pytest.raises(ModelError, match=r"is for GPUs; with --cpu take one of .*tiny-cpu"):
        plan(data, tmp_path / "out", recipe="qwen3-vl-full", gpus_per_node=0)
    with pytest.raises(ModelError, match="is for a CPU"):
        plan(data, tmp_path / "out", recipe="qwen3-vl-tiny-cpu", gpus_per_node=2)
    assert plan(data, tmp_path / "out", gpus_per_node=0).recipe.name == "qwen3-vl-tiny-cpu"


def test_a_model_of_another_kind_is_refused(tmp_path: Path, paddle: Paddle) -> None:
    data = write_data(tmp_path / "made")
    paddle(build_tiny, tmp_path / "glm", family="glm-4.5v")
    with pytest.raises(ModelError, match=r"for qwen3_vl or .*'glm4v_moe'"):
        plan(data, tmp_path / "out", model=str(tmp_path / "glm"), gpus_per_node=0)
    with pytest.raises(ModelError, match=r"not there"):
        plan(data, tmp_path / "out", model=str(tmp_path / "nothing"), gpus_per_node=0)
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter/lora_config.json").write_text("{}")
    with pytest.raises(ModelError, match="it is an adapter"):
        plan(data, tmp_path / "out", model=str(tmp_path / "adapter"))


def test_a_yaml_of_ones_own_is_completed(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "{stage: VL-SFT, template: qwen3_vl, attn_impl: sdpa, save_steps: 7, learning_rate: 1e-5}"
    )
    data = write_data(tmp_path / "made", name="my-format")
    training = plan(data, tmp_path / "out", recipe=str(file))
    settings = settings_of(training)
    assert settings == training.settings.values
    assert settings["_attn_implementation"] == "sdpa"
    assert settings["save_hf_steps"] == 7
    assert any("empty <think> block" in warning for warning in training.warnings)


def test_an_output_that_others_use_is_left_alone(tmp_path: Path) -> None:
    data = write_data(tmp_path / "made")
    output = tmp_path / "out"
    output.mkdir()
    (output / "thesis.tex").write_text("")
    with pytest.raises(OutputError, match=r"no training wrote \(thesis\.tex\)"):
        plan(data, output)
    with pytest.raises(OutputError, match="is a URL"):
        plan_training(str(data), "s3://bucket/out", model="a/b")
    with pytest.raises(SourceError, match=r"OUTPUT .* holds ' '"):
        plan(data, tmp_path / "a b")


def test_a_running_training_keeps_its_file(tmp_path: Path) -> None:
    output = tmp_path / "out"
    training = plan(write_data(tmp_path / "made"), output)
    with locked(LocalStore(output)):
        (output / "recipe.yaml").write_text("of the one that runs")
        with pytest.raises(OutputError, match="written by another run"):
            train(training)
    assert (output / "recipe.yaml").read_text() == "of the one that runs"
    assert not (output / "preflight.json").exists()


def test_what_another_began_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    data, output = write_data(tmp_path / "made"), tmp_path / "out"
    training = plan(data, output)
    write_checkpoint(output / "checkpoints", 2, WHOLE)
    with pytest.raises(OutputError, match=r"cut short \(step 2\); --resume"):
        train(training)
    assert not (output / "recipe.yaml").exists()
    with pytest.raises(OutputError, match="--resume"):
        plan(data, output)
    assert plan(data, output, resume=True).settings == training.settings


def test_an_output_that_cannot_be_written_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    training = plan(write_data(tmp_path / "made"), tmp_path / "file/out")
    with pytest.raises(OutputError, match="cannot"):
        train(training)


def test_what_is_written_is_enough_to_run_by_hand(tmp_path: Path) -> None:
    training = plan(write_data(tmp_path / "made"), tmp_path / "out", gpus_per_node=0)
    write_training(training, Preflight({"train": SplitNumbers(1)}, 2048))
    text = (tmp_path / "out/recipe.yaml").read_text("utf-8")
    command = f"paddleformers-cli train {tmp_path}/out/recipe.yaml"
    assert f"CUDA_VISIBLE_DEVICES=0 PADDLE_DISTRI_BACKEND=gloo {command}" in text
    support = yaml.safe_load(text)["custom_register_path"]
    assert "custom_template" in Path(support).read_text("utf-8")
    assert plan(tmp_path / "made/qwen3-vl", tmp_path / "out", gpus_per_node=0) == training
