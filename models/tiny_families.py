"""What a tiny checkpoint of each family is made of."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from groundray.models.tiny_tokenizers import (
    ERNIE_TEMPLATE,
    GLM_SPECIAL,
    GLM_TEMPLATE,
    QWEN_SPECIAL,
    QWEN_TEMPLATE,
    write_byte_level,
    write_json,
    write_sentencepiece,
)

_HIDDEN = 96
_IMAGE_AREA = {"shortest_edge": 64 * 64, "longest_edge": 256 * 256}
_CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
_CLIP_STD = [0.26862954, 0.26130258, 0.27577711]


class Built(NamedTuple):
    """A tiny model, whose tokenizer and processor are written already.

    Attributes:
        model: with random weights, not written yet.
        architecture: what config.json calls it.
        end_ids: tokens that end an answer.
        pad_id: token that fills up.
        save_options: of `save_pretrained`.
    """

    model: Any
    architecture: str
    end_ids: list[int]
    pad_id: int
    save_options: Mapping[str, Any] = MappingProxyType({})


def _qwen3_vl(folder: Path) -> Built:
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
    return Built(
        Qwen3VLForConditionalGeneration(config),
        architecture="Qwen3VLForConditionalGeneration",
        end_ids=[ids["<|im_end|>"], ids["<|endoftext|>"]],
        pad_id=ids["<|endoftext|>"],
    )


def _glm_4_5v(folder: Path) -> Built:
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
    return Built(
        Glm4vMoeForConditionalGeneration(config),
        architecture="Glm4vMoeForConditionalGeneration",
        end_ids=ends,
        pad_id=ids["<|endoftext|>"],
        save_options={"save_checkpoint_format": ""},  # the default loses weights of experts
    )


def _ernie_4_5_vl(folder: Path) -> Built:
    from paddleformers.transformers.ernie4_5_moe_vl.configuration import Ernie4_5_VLConfig
    from paddleformers.transformers.ernie4_5_moe_vl.modeling import (
        Ernie4_5_VLMoeForConditionalGeneration,
    )

    ids = write_sentencepiece(folder, template=ERNIE_TEMPLATE)
    config = Ernie4_5_VLConfig(
        vocab_size=_padded(ids),
        hidden_size=_HIDDEN,
        intermediate_size=2 * _HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=24,
        max_position_embeddings=4096,
        rope_theta=500_000,
        use_bias=False,
        tie_word_embeddings=True,
        moe_num_experts=[4, 4],
        moe_intermediate_size=[64, 32],
        moe_layer_start_index=[1, 1],
        moe_layer_end_index=[1, 1],
        moe_layer_interval=1,
        moe_k=2,
        moe_capacity=[64, 64, 64],
        moe_gate="top2_fused",
        moe_num_shared_experts=1,
        moe_use_aux_free=True,
        freq_allocation=4,
        im_patch_id=ids["<|IMAGE_PLACEHOLDER|>"],
        max_text_id=_padded(ids),
        pixel_hidden_size=64,
        fuse_rms_norm=False,
        eos_token_id=ids["</s>"],
        pad_token_id=ids["<pad>"],
        vision_config={
            "depth": 2,
            "embed_dim": 64,
            "hidden_size": 64,
            "mlp_ratio": 2,
            "num_heads": 4,
            "patch_size": 14,
            "spatial_merge_size": 2,
        },
    )
    images = {
        "image_mean": _CLIP_MEAN,
        "image_std": _CLIP_STD,
        "image_processor_type": "Ernie4_5_VLImageProcessor",
        "max_pixels": 256 * 256,
        "min_pixels": 56 * 56,
        "patch_size": 14,
        "processor_class": "Ernie4_5_VLProcessor",
    }
    write_json(folder / "preprocessor_config.json", images)
    write_json(
        folder / "processor_config.json",
        {"image_max_pixels": 256 * 256, "processor_class": "Ernie4_5_VLProcessor"},
    )
    return Built(
        Ernie4_5_VLMoeForConditionalGeneration(config),
        architecture="Ernie4_5_VLMoeForConditionalGeneration",
        end_ids=[ids["</s>"]],
        pad_id=ids["<pad>"],
    )


BUILDERS: Mapping[str, Callable[[Path], Built]] = MappingProxyType(
    {"ernie-4.5-vl": _ernie_4_5_vl, "glm-4.5v": _glm_4_5v, "qwen3-vl": _qwen3_vl}
)
"""By family; each writes tokenizer and processor into a folder, and returns the model."""


def _padded(ids: Mapping[str, int]) -> int:
    """Size of a vocabulary, rounded up as the published ones are."""
    return -(-len(ids) // 64) * 64


def _write_processor(
    folder: Path, *, images: str, videos: str, processor: str, common: Mapping[str, Any]
) -> None:
    shared = {
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
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
