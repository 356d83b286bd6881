"""A checkpoint's processor and model, ready to answer on the device that there is."""

import json
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundray.formats.errors import ModelError
from groundray.models.checkpoints import (
    file_names,
    is_model_name,
    is_url,
    local_folder,
    read_config,
    shown,
    view,
)
from groundray.models.families import Family, family_of, normalisation
from groundray.models.hub import downloaded
from groundray.models.paddle_import import import_paddle
from groundray.models.weights import WeightFiles, check_adapter, check_weights, is_paddle_layout

_CONFIG = "config.json"
_ADAPTER = "lora_config.json"
_LACKING = (
    "no file has that tensor under the name it is looked for: train GLM-4.5V with "
    "'save_checkpoint_format: \"\"'; rename biases of Qwen2.5-VL from model.language_model.layers "
    "to model.layers"
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is needed to answer.

    Attributes:
        processor: of text and images.
        model: its weights checked, adapters merged, in evaluation mode.
        family: that it is of.
        device: "gpu" or "cpu".
        dtype: of the weights.
        attention: what computes it, in the text and in the vision part.
        is_adapted: whether an adapter was merged.
    """

    processor: Any
    model: Any
    family: Family
    device: str
    dtype: str
    attention: tuple[str, str]
    is_adapted: bool


def check_checkpoint(checkpoint: str) -> None:
    """Looks whether a checkpoint can be loaded, reading no more than its configuration.

    Raises:
        ModelError: what is wrong, and what would be right.
    """
    if is_model_name(checkpoint):
        return
    adapter = read_config(checkpoint, _ADAPTER)
    if adapter is not None:
        base = _base_of(adapter, checkpoint)
        if not is_model_name(base) and read_config(base, _ADAPTER) is not None:
            raise ModelError(
                f"the adapter {shown(checkpoint)} was trained over {base!r}, an adapter too: merge "
                "that into its own base first"
            )
        check_checkpoint(base)
        return
    config = read_config(checkpoint)
    if config is None:
        raise ModelError(_without_config(checkpoint))
    family_of(config, where=shown(checkpoint))
    if not any(
        name.startswith("model") and name.endswith(".safetensors")
        for name in file_names(checkpoint)
    ):
        raise ModelError(f"checkpoint {shown(checkpoint)} holds no model*.safetensors")


def load(checkpoint: str) -> Loaded:
    """Loads a checkpoint; an adapter is merged over the base that it names.

    Nothing is written into the checkpoint's folder.

    Raises:
        ModelError: it cannot be loaded, or Paddle is missing.
    """
    paddle = import_paddle()
    is_gpu = paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0
    paddle.set_device("gpu" if is_gpu else "cpu")
    check_checkpoint(checkpoint)
    folder = _folder(checkpoint)
    adapter = read_config(str(folder), _ADAPTER)
    if adapter is None:
        return _load_whole(folder, is_gpu=is_gpu)
    base = _load_whole(_folder(_base_of(adapter, checkpoint)), is_gpu=is_gpu)
    _merge_adapter(base.model, folder)
    return Loaded(
        processor=base.processor,
        model=base.model,
        family=base.family,
        device=base.device,
        dtype=base.dtype,
        attention=base.attention,
        is_adapted=True,
    )


def _load_whole(folder: Path, *, is_gpu: bool) -> Loaded:
    from paddleformers.transformers import AutoConfig, AutoProcessor
    from paddleformers.transformers import AutoModelForConditionalGeneration as AutoModel

    family = family_of(read_config(str(folder)) or {}, where=repr(str(folder)))
    files = WeightFiles.of(folder)
    dtype = "bfloat16" if is_gpu else "float32"
    # flashmask ignores the mask of padded prompts, without a word; sdpa does not
    attention = ("sdpa", "flashmask" if is_gpu else "sdpa")
    with view(folder) as place, _loading(folder):
        _name_architecture(place / _CONFIG)
        config = AutoConfig.from_pretrained(str(place))
        _fit(config, is_gpu=is_gpu)
        model = AutoModel.from_pretrained(
            str(place),
            config=config,
            dtype=dtype,
            load_checkpoint_format="" if is_paddle_layout(files) else "flex_checkpoint",
        )
        processor = AutoProcessor.from_pretrained(str(place))
    check_weights(model, files)
    _attend(model.config, *attention)
    if family.model_normalises:
        patch_size = model.config.vision_config.patch_size
        model.add_image_preprocess(normalisation(processor, patch_size=patch_size))
    model.eval()
    return Loaded(
        processor, model, family, "gpu" if is_gpu else "cpu", dtype, attention, is_adapted=False
    )


def _name_architecture(config: Path) -> None:
    """Puts the class of the model where loaders look for it.

    What the trainer saves with `save_checkpoint_format: ""` names it in its text part only.
    """
    content = json.loads(config.read_bytes())
    named = content.get("text_config", {}).get("architectures")
    if named and not content.get("architectures"):
        config.unlink()  # a link of the view: the checkpoint stays as it is
        config.write_text(json.dumps({**content, "architectures": named}))


def _merge_adapter(model: Any, folder: Path) -> None:
    from paddleformers.peft import LoRAModel

    with view(folder) as place, _loading(folder):
        adapted = LoRAModel.from_pretrained(model, str(place))
    check_adapter(model, WeightFiles.of(folder, stem="peft_model"))
    adapted.merge()
    model.eval()


@contextmanager
def _loading(folder: Path) -> Iterator[None]:
    """Keeps loaders quiet; what they raise over a broken checkpoint is of any class."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        lacks = "should be assigned before" in str(error)
        hint = f"; {_LACKING}" if lacks else ""
        raise ModelError(
            f"PaddleFormers cannot load {str(folder)!r}: {type(error).__name__}: {error}{hint}"
        ) from error
    finally:
        logging.disable(before)


def _fit(config: Any, *, is_gpu: bool) -> None:
    """Turns off what only GPUs have kernels for."""
    if not is_gpu:
        for part in _parts(config):
            part.fuse_rms_norm = False


def _attend(config: Any, text: str, vision: str) -> None:
    for part in _parts(config):
        part._attn_implementation = text  # noqa: SLF001  the only name it has
    config.vision_config._attn_implementation = vision  # noqa: SLF001


def _parts(config: Any) -> list[Any]:
    nested = (getattr(config, name, None) for name in ("text_config", "vision_config"))
    return [config, *(part for part in nested if part is not None)]


def _folder(checkpoint: str) -> Path:
    return downloaded(checkpoint) if is_model_name(checkpoint) else local_folder(checkpoint)


def _base_of(adapter: dict[str, Any], checkpoint: str) -> str:
    base = adapter.get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise ModelError(
            f"the adapter {shown(checkpoint)} does not say what it was trained over: name it as "
            f"base_model_name_or_path in its {_ADAPTER}"
        )
    if not is_url(base) and not is_model_name(base) and not Path(base).is_dir():
        raise ModelError(
            f"the adapter {shown(checkpoint)} was trained over {base!r}, which is not there: put "
            f"it there, or name its place as base_model_name_or_path in {_ADAPTER}"
        )
    return base


def _without_config(checkpoint: str) -> str:
    name = re.split(r"[/\\]", checkpoint.rstrip("/"))[-1]
    if re.fullmatch(r"checkpoint-\d+", name):
        return (
            f"checkpoint {shown(checkpoint)} holds the trainer's state, which it can go on from, "
            "but no model: train with 'save_hf_steps: N' beside 'save_steps: N' and take "
            f"'hf_{name}', or take the folder above, which holds the final model"
        )
    return f"checkpoint {shown(checkpoint)} has no {_CONFIG}, so it is not the folder of a model"
