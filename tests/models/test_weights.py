"""That a model holds the weights of its files is seen where they differ, and where they do not."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from groundray.formats.errors import ModelError
from groundray.models import Answer, Prompt, Settings
from tests.models.asking import Paddle, answers, weights
from tests.models.test_paddleformers import prompts
from tests.models.tiny_training import Trained, build_tiny

pytestmark = pytest.mark.timeout(600)

TEXT = "model.language_model.layers"
ADAPTED = f"{TEXT}.1.self_attn.o_proj"
RANK = 4


@pytest.fixture(scope="module")
def glm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny(tmp_path_factory.mktemp("glm") / "tiny", "glm-4.5v")


def settings(checkpoint: Path) -> Settings:
    return Settings(checkpoint=str(checkpoint), max_new_tokens=60)


def model_of(checkpoint: Path) -> Any:
    """A model as PaddleFormers loads it; nothing is checked."""
    from paddleformers.transformers import AutoModelForConditionalGeneration

    from groundray.models.checkpoints import view
    from groundray.models.paddle_import import import_paddle

    import_paddle()
    with view(checkpoint) as place:
        return AutoModelForConditionalGeneration.from_pretrained(
            str(place), dtype="float32", load_checkpoint_format="flex_checkpoint"
        )


def checked(checkpoint: Path, load_from: Path) -> None:
    """Compares the files of one checkpoint with the model that was loaded from another's."""
    from groundray.models.weights import WeightFiles, check_weights

    check_weights(model_of(load_from), WeightFiles.of(checkpoint))


def rewritten(
    checkpoint: Path, folder: Path, change: Callable[[dict[str, np.ndarray[Any, Any]]], None]
) -> Path:
    """A copy whose tensors were changed."""
    shutil.copytree(checkpoint, folder)
    path = next(folder.glob("model*.safetensors"))
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})
    index = folder / "model.safetensors.index.json"
    if index.exists():
        content = json.loads(index.read_text())
        content["weight_map"] = dict.fromkeys(tensors, path.name)
        index.write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize(
    "tensor",
    [
        "model.language_model.embed_tokens.weight",
        f"{TEXT}.0.self_attn.k_proj.weight",
        f"{TEXT}.1.mlp.up_proj.weight",
        "model.language_model.norm.weight",
        "model.visual.blocks.2.attn.qkv.bias",
        "model.visual.deepstack_merger_list.1.linear_fc2.weight",
    ],
)
def test_a_number_that_differs_is_noticed(
    tensor: str, paddle: Paddle, trained_checkpoint: Trained, tmp_path: Path
) -> None:
    def tamper(tensors: dict[str, np.ndarray[Any, Any]]) -> None:
        tensors[tensor].flat[-1] += 1e-3

    other = rewritten(trained_checkpoint.untrained, tmp_path / "other", tamper)
    in_model = tensor.replace("k_proj", "qkv_proj").replace("mlp.up_proj", "mlp.up_gate_proj")
    with pytest.raises(ModelError, match=f"tensor '{in_model}' was loaded with other values"):
        paddle(checked, other, trained_checkpoint.untrained)


def test_the_files_that_were_loaded_are_found_equal(
    paddle: Paddle, trained_checkpoint: Trained
) -> None:
    paddle(checked, trained_checkpoint.untrained, trained_checkpoint.untrained)


def test_a_tensor_that_is_in_no_file_is_named(
    paddle: Paddle, trained_checkpoint: Trained, tmp_path: Path
) -> None:
    name = "model.visual.merger.linear_fc1.bias"

    def drop(tensors: dict[str, np.ndarray[Any, Any]]) -> None:
        del tensors[name]

    lacking = rewritten(trained_checkpoint.untrained, tmp_path / "lacking", drop)
    with pytest.raises(ModelError, match=f"tensor '{name}' of the model is in no file"):
        paddle(checked, lacking, trained_checkpoint.untrained)


def test_the_loader_that_misreads_glm_is_noticed(paddle: Paddle, glm: Path) -> None:
    with pytest.raises(ModelError, match="was loaded with other values"):
        paddle(checked, glm, glm)


def test_weights_in_half_precision_are_compared_as_such(
    paddle: Paddle, trained_checkpoint: Trained, tmp_path: Path
) -> None:
    halved = tmp_path / "halved"
    paddle(write_bfloat16, trained_checkpoint.checkpoint, halved)
    found = paddle(weights, settings(halved))["lm_head.weight"]
    whole = paddle(weights, settings(trained_checkpoint.checkpoint))["lm_head.weight"]
    assert 0 < np.abs(found - whole).max() < 2**-8 * np.abs(whole).max()


def write_bfloat16(checkpoint: Path, folder: Path) -> None:
    import paddle
    from safetensors.paddle import load_file, save_file

    shutil.copytree(checkpoint, folder)
    path = next(folder.glob("model*.safetensors"))
    tensors = {name: value.astype("bfloat16") for name, value in load_file(str(path)).items()}
    save_file(tensors, str(path), metadata={"format": "pt"})
    assert {value.dtype for value in tensors.values()} == {paddle.bfloat16}


def write_adapter(base: Path, folder: Path) -> None:
    """An adapter as the trainer writes one, with values that change answers."""
    import paddle
    from paddleformers.peft import LoRAConfig, LoRAModel

    paddle.seed(7)
    config = LoRAConfig(
        target_modules=["model.language_model.*o_proj.*", "model.visual.blocks.*attn.qkv.*"],
        r=RANK,
        lora_alpha=2 * RANK,
        dtype="float32",
        base_model_name_or_path=str(base),
    )
    adapted = LoRAModel(model_of(base), config)
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            parameter.set_value(0.5 * paddle.randn(parameter.shape))
    adapted.save_pretrained(str(folder))


@pytest.fixture(scope="module")
def adapter(
    paddle: Paddle, trained_checkpoint: Trained, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("adapter") / "lora"
    paddle(write_adapter, trained_checkpoint.checkpoint, folder)
    return folder


def test_an_adapter_is_added_to_its_base(
    adapter: Path, paddle: Paddle, trained_checkpoint: Trained
) -> None:
    merged = paddle(weights, settings(adapter))
    base = paddle(weights, settings(trained_checkpoint.checkpoint))
    parts = load_file(next(adapter.glob("*.safetensors")))
    for layer in (ADAPTED, "model.visual.blocks.0.attn.qkv"):
        product = parts[f"{layer}.lora_A"] @ parts[f"{layer}.lora_B"]
        expected = base[f"{layer}.weight"] + 2.0 * product  # alpha / rank
        np.testing.assert_allclose(merged[f"{layer}.weight"], expected, atol=1e-5)
    untouched = f"{TEXT}.0.mlp.down_proj.weight"
    np.testing.assert_array_equal(merged[untouched], base[untouched])


def test_an_adapter_changes_answers_and_its_base_keeps_its_own(
    adapter: Path, paddle: Paddle, trained_checkpoint: Trained
) -> None:
    asked: list[Prompt] = prompts(trained_checkpoint)
    before: list[Answer] = paddle(answers, settings(trained_checkpoint.checkpoint), asked, 8)
    adapted = paddle(answers, settings(adapter), asked, 8)
    assert adapted != before
    assert paddle(answers, settings(trained_checkpoint.checkpoint), asked, 8) == before


def test_an_adapter_of_another_model_is_refused(
    adapter: Path, paddle: Paddle, glm: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(adapter, other)
    config = json.loads((other / "lora_config.json").read_text())
    config["base_model_name_or_path"] = str(glm)
    (other / "lora_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"does not fit its base|cannot load"):
        paddle(answers, settings(other), [], 1)
