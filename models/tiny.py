"""Tiny checkpoints of real architectures: for tests, demonstrations and dry runs without a GPU.

Configuration, tokenizer and processor are of the family's own classes, and PaddleFormers' auto
classes load them. The weights are random, and the same for the same version of Paddle; trained on
eight images, such a model learns their boxes by heart in about a minute on two cores.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from groundray.formats.errors import ModelError, OutputError
from groundray.models.loading import INSTALL
from groundray.models.tiny_tokenizers import (
    GLM_SPECIAL,
    GLM_TEMPLATE,
    QWEN_SPECIAL,
    QWEN_TEMPLATE,
    write_byte_level,
    write_json,
)

_HIDDEN = 96
_IMAGE_AREA = {"shortest_edge": 64 * 64, "longest_edge": 256 * 256}
_PIXELS = {"do_convert_rgb": True, "do_normalize": True, "do_rescale": True, "do_resize": True}
_CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
_CLIP_STD = [0.26862954, 0.26130258, 0.27577711]


class _Built(NamedTuple):
    model: Any
    architecture: str
    end_ids: list[int]
    pad_id: int
    save_options: Mapping[str, Any] = MappingProxyType({})


def build_tiny(folder: str | Path, *, family: str = "qwen3-vl", overwrite: bool = False) -> int:
    """Builds a tiny checkpoint.

    Args:
        folder: that it is written to.
        family: one of `tiny_families()`.
        overwrite: whether a folder that is not empty is emptied first.

    Returns:
        Number of parameters.

    Raises:
        ModelError: an unknown family, or Paddle is missing.
        OutputError: the folder is not empty, or cannot be written.
    """
    if family not in _BUILDERS:
        raise ModelError(f"no tiny checkpoint of family {family!r} (known: {', '.join(_BUILDERS)})")
    try:
        import paddle
        from paddleformers.utils.log import logger
    except ImportError as error:
        raise ModelError(f"{INSTALL} ({error})") from error
    from groundray.models.cpu_support import prepare

    target = Path(folder)
    _make_empty(target, overwrite=overwrite)
    prepare()
    logger.set_level("WARNING")
    paddle.seed(0)
    built = _BUILDERS[family](target)
    built.model.save_pretrained(str(target), **built.save_options)
    _complete(target / "config.json", {"architectures": [built.architecture]})
    generation = {"do_sample": False, "eos_token_id": built.end_ids, "pad_token_id": built.pad_id}
    write_json(target / "generation_config.json", generation)
    return sum(int(parameter.numel()) for parameter in built.model.parameters())


def tiny_families() -> list[str]:
    """Families of which a tiny checkpoint can be built, sorted."""
    return sorted(_BUILDERS)


def _make_empty(folder: Path, *, overwrite: bool) -> None:
    try:
        if folder.is_dir() and any(folder.iterdir()):
            if not overwrite:
                raise OutputError(f"{str(folder)!r} is not empty; --overwrite empties it first")
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{str(folder)!r} cannot be written: {error.strerror}") from error


def _qwen3_vl(folder: Path) -> _Built:
    from paddleformers.transformers.qwen3_vl.configuration import Qwen3VLConfig
    from paddleformers.transformers.qwen3_vl.modeling import Qwen3VLForConditionalGeneration

    ids = write_byte_level(
        folder,
        QWEN_SPECIAL,
        template=QWEN_TEMPLATE,
        config={
            "add_prefix_space": False,
            "bos_token": None,
            "eos_token": "<|im_end|>",
            "errors": "replace",
            "tokenizer_class": "Qwen2Tokenizer",
        },
    )
    head = _HIDDEN // 4
    config = Qwen3VLConfig(
        text_config={
            "vocab_size": _padded(ids),
            "hidden_size": _HIDDEN,
            "intermediate_size": 2 * _HIDDEN,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": head,
            "max_position_embeddings": 4096,
            "rope_theta": 5_000_000,
            "rope_scaling": {
                "mrope_interleaved": True,
                "mrope_section": [head // 6] * 3,
                "rope_type": "default",
            },
            "tie_word_embeddings": True,
            "fuse_rms_norm": False,
            "eos_token_id": ids["<|im_end|>"],
            "pad_token_id": ids["<|endoftext|>"],
        },
        vision_config={
            "depth": 3,
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_heads": 4,
            "in_channels": 3,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "out_hidden_size": _HIDDEN,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0, 1],
            "hidden_act": "gelu_pytorch_tanh",
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
        fuse_rms_norm=False,
    )
    _write_processor(
        folder,
        images="Qwen2VLImageProcessorFast",
        videos="Qwen3VLVideoProcessor",
        processor="Qwen3VLProcessor",
        common={"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "patch_size": 16},
    )
    return _Built(
        Qwen3VLForConditionalGeneration(config),
        architecture="Qwen3VLForConditionalGeneration",
        end_ids=[ids["<|im_end|>"], ids["<|endoftext|>"]],
        pad_id=ids["<|endoftext|>"],
    )


def _glm_4_5v(folder: Path) -> _Built:
    from paddleformers.transformers.glm4v_moe.configuration import Glm4vMoeConfig
    from paddleformers.transformers.glm4v_moe.modeling import Glm4vMoeForConditionalGeneration

    ids = write_byte_level(
        folder,
        GLM_SPECIAL,
        template=GLM_TEMPLATE,
        config={
            "do_lower_case": False,
            "eos_token": "<|endoftext|>",
            "model_input_names": ["input_ids", "attention_mask"],
            "padding_side": "left",
            "tokenizer_class": "PreTrainedTokenizerFast",
        },
    )
    ends = [ids[token] for token in ("<|endoftext|>", "<|user|>", "<|observation|>")]
    config = Glm4vMoeConfig(
        text_config={
            "vocab_size": _padded(ids),
            "hidden_size": _HIDDEN,
            "intermediate_size": 2 * _HIDDEN,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 24,
            "moe_intermediate_size": 64,
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
            "n_shared_experts": 1,
            "first_k_dense_replace": 1,
            "n_group": 1,
            "topk_group": 1,
            "max_position_embeddings": 4096,
            "rope_theta": 10_000.0,
            "partial_rotary_factor": 0.5,
            "attention_bias": True,
            "rope_scaling": {"rope_type": "default", "mrope_section": [2, 2, 2]},
            "fuse_rms_norm": False,
            "eos_token_id": ends,
            "pad_token_id": ids["<|endoftext|>"],
        },
        vision_config={
            "depth": 2,
            "hidden_size": 64,
            "num_heads": 4,
            "image_size": 112,
            "patch_size": 14,
            "out_hidden_size": _HIDDEN,
            "intermediate_size": 128,
            "fuse_rms_norm": False,
        },
        image_token_id=ids["<|image|>"],
        video_token_id=ids["<|video|>"],
        image_start_token_id=ids["<|begin_of_image|>"],
        image_end_token_id=ids["<|end_of_image|>"],
        video_start_token_id=ids["<|begin_of_video|>"],
        video_end_token_id=ids["<|end_of_video|>"],
    )
    _write_processor(
        folder,
        images="Glm4vImageProcessor",
        videos="Glm4vVideoProcessor",
        processor="Glm4vProcessor",
        common={"image_mean": _CLIP_MEAN, "image_std": _CLIP_STD, "patch_size": 14},
    )
    return _Built(
        Glm4vMoeForConditionalGeneration(config),
        architecture="Glm4vMoeForConditionalGeneration",
        end_ids=ends,
        pad_id=ids["<|endoftext|>"],
        save_options={"save_checkpoint_format": ""},  # the default loses weights of experts
    )


_BUILDERS: Mapping[str, Callable[[Path], _Built]] = MappingProxyType(
    {"glm-4.5v": _glm_4_5v, "qwen3-vl": _qwen3_vl}
)


def _padded(ids: Mapping[str, int]) -> int:
    """Size of a vocabulary, rounded up as the published ones are."""
    return -(-len(ids) // 64) * 64


def _write_processor(
    folder: Path, *, images: str, videos: str, processor: str, common: Mapping[str, Any]
) -> None:
    shared = {
        **_PIXELS,
        "merge_size": 2,
        "temporal_patch_size": 2,
        "processor_class": processor,
        "size": _IMAGE_AREA,
        **common,
    }
    write_json(folder / "preprocessor_config.json", {**shared, "image_processor_type": images})
    write_json(
        folder / "video_preprocessor_config.json", {**shared, "video_processor_type": videos}
    )


def _complete(path: Path, values: Mapping[str, Any]) -> None:
    """Adds to a JSON file what its writer left out."""
    write_json(path, {**json.loads(path.read_bytes()), **values})
