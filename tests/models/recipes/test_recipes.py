"""Recipes: found by name, readable, and taken by the trainer's own parser."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from groundray.formats import format_names
from groundray.formats.errors import ModelError
from groundray.models.recipes import default_recipe, get_recipe, recipe_names
from groundray.models.recipes.recipe import spelled_now

_PARSE = """
import json, sys
from paddleformers.cli.hparams.parser import get_train_args
taken = {}
for name, settings in json.load(sys.stdin).items():
    model, data, _, _, training = get_train_args(settings)
    taken[name] = {
        "attention": model._attn_implementation,
        "is_lora": model.lora,
        "template": data.template,
        "compute_type": training.compute_type,
        "save_hf_steps": training.save_hf_steps,
        "device": training.device,
    }
print("TAKEN", json.dumps(taken))
"""


def parsed_by_trainer(recipes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What PaddleFormers' own parser makes of settings; it dies of a key that it does not know."""
    done = subprocess.run(
        [sys.executable, "-c", _PARSE],
        input=json.dumps(recipes),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("TAKEN "))
    parsed: dict[str, dict[str, Any]] = json.loads(line.removeprefix("TAKEN "))
    return parsed


@pytest.mark.timeout(300)
def test_the_trainer_takes_every_key_of_every_recipe() -> None:
    pytest.importorskip("paddleformers")
    around = {"output_dir": "out", "model_name_or_path": "model", "do_train": True}
    recipes = {name: get_recipe(name).settings | around for name in recipe_names()}
    taken = parsed_by_trainer(recipes)
    for name, settings in recipes.items():
        assert taken[name]["attention"] == settings["_attn_implementation"]
        assert taken[name]["is_lora"] == (get_recipe(name).method == "lora")
        assert taken[name]["template"] == settings["template"]
        assert taken[name]["save_hf_steps"] == settings.get("save_hf_steps", -1)
        assert taken[name]["compute_type"] == settings.get("compute_type", "bf16")
        assert taken[name]["device"] == ("gpu" if get_recipe(name).gpus else "cpu")


def test_the_published_grounding_practice_stands_as_published() -> None:
    settings = get_recipe("qwen3-vl-full").settings
    published = {
        "stage": "VL-SFT",
        "fine_tuning": "full",
        "max_seq_len": 8192,
        "packing": True,
        "mix_strategy": "concat",
        "template_backend": "custom",
        "_attn_implementation": "flashmask",
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": 4,
        "num_train_epochs": 3,
        "learning_rate": 1.0e-4,
        "warmup_ratio": 0.05,
        "tensor_model_parallel_size": 4,
        "sharding": "stage1",
        "recompute_granularity": "full",
        "bf16": True,
        "fp16_opt_level": "O2",
        "save_checkpoint_format": "flex_checkpoint",
        "freeze_config": "freeze_vision freeze_aligner",
        "save_steps": 100,
        "eval_steps": 100,
    }
    assert {key: settings[key] for key in published} == published
    assert settings["template"] == "qwen3_vl_nothink"  # not qwen3_vl: no empty think block


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_names_neither_data_nor_model_nor_output(name: str) -> None:
    keys = set(get_recipe(name).settings)
    assert not keys & {"model_name_or_path", "output_dir", "logging_dir", "train_dataset_path"}


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_is_for_formats_that_exist_and_says_where_it_comes_from(name: str) -> None:
    recipe = get_recipe(name)
    assert set(recipe.formats) <= set(format_names())
    assert recipe.name == name
    assert recipe.source
    assert recipe.tried


@pytest.mark.parametrize("name", recipe_names())
def test_models_that_load_appear_wherever_the_trainer_can_write_them(name: str) -> None:
    settings = get_recipe(name).settings
    is_flex = settings["save_checkpoint_format"] == "flex_checkpoint"
    assert settings.get("save_hf_steps") == (settings["save_steps"] if is_flex else None)


def test_the_default_is_all_of_the_model_on_gpus_and_the_tiny_one_on_a_cpu() -> None:
    assert default_recipe("qwen3-vl", on_cpu=False).name == "qwen3-vl-full"
    assert default_recipe("qwen3-vl-json", on_cpu=True).name == "qwen3-vl-tiny-cpu"
    with pytest.raises(ModelError, match=r"'kosmos-2' by itself .* --recipe"):
        default_recipe("kosmos-2", on_cpu=False)


def test_a_file_of_ones_own_is_a_recipe_with_the_spellings_of_1_0(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("attn_impl: flashmask\ntensor_model_parallel_size: 2\nfine_tuning: full\n")
    recipe = get_recipe(str(file))
    assert recipe.name == "mine.yaml"
    assert recipe.gpus == 2
    assert recipe.settings["_attn_implementation"] == "flashmask"
    assert "attn_impl" not in recipe.settings


LAUGHS = "a: &a [1, 1]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}]\n" for a, b in pairwise("abcdefghijklmnopqrst")
)


@pytest.mark.parametrize(
    "content",
    [
        *(b"- a\n- b\n", b"a: [1\n", b"", b"a: 2024-13-01\n", b"a: !!int ''\n"),
        *(b"a: " + b"[" * 3000, b"a: 1\n".decode().encode("utf-16"), LAUGHS.encode()),
        b"a: &a [*a]\n",
    ],
    ids=lambda content: repr(content[:20]),
)
def test_a_file_that_is_no_mapping_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"mine\.yaml"):
        get_recipe(str(file))


def test_a_wrong_name_is_met_with_the_right_one() -> None:
    with pytest.raises(ModelError, match="did you mean 'qwen3-vl-full'"):
        get_recipe("qwen3_vl_full")


def test_what_1_0_called_otherwise_is_renamed() -> None:
    old = {"tensor_parallel_degree": 2, "recompute": False, "seed": 1}
    now = {"tensor_model_parallel_size": 2, "recompute_granularity": None, "seed": 1}
    assert spelled_now(old) == now


def test_the_text_shown_is_the_text_that_is_read() -> None:
    for name in recipe_names():
        assert spelled_now(yaml.safe_load(get_recipe(name).yaml)) == get_recipe(name).settings
