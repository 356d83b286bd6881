"""The recipes that ship; each one's YAML stands beside this file."""

from pathlib import Path
from typing import NamedTuple

from groundray.models.recipes.recipe import Recipe

_HERE = Path(__file__).parent
_NOT_RUN = (
    "every key is one that PaddleFormers 1.2.0 takes; not run, for want of GPUs and of paddlefleet"
)
_EXAMPLES = "PaddlePaddle/PaddleFormers, examples/best_practices"


class _Family(NamedTuple):
    formats: tuple[str, ...]
    model_types: tuple[str, ...]


_QWEN3_VL = _Family(("qwen3-vl", "qwen3-vl-json"), ("qwen3_vl", "qwen3_vl_moe"))
_GLM_4_5V = _Family(("glm-4.5v",), ("glm4v_moe",))

ERNIE_4_5_VL_FULL = Recipe(
    "ernie-4.5-vl-full",
    _HERE / "ernie_4_5_vl_full.yaml",
    formats=("ernie-4.5-vl",),
    model_types=("ernie4_5_moe_vl",),
    source=f"{_EXAMPLES}/ERNIE-4.5-VL/ernie45vl_8k_config.yaml",
    tried=_NOT_RUN,
)
GLM_4_5V_FULL = Recipe(
    "glm-4.5v-full",
    _HERE / "glm_4_5v_full.yaml",
    *_GLM_4_5V,
    gpus=32,
    source=(
        "PaddlePaddle/PaddleFormers, benchmark/config/sft/GLM4.5-Air.yaml for the language model's "
        "parallelism, examples/config/sft-vl/full_tp.yaml for the rest (no practice is published)"
    ),
    tried=_NOT_RUN,
)
GLM_4_5V_TINY_CPU = Recipe(
    "glm-4.5v-tiny-cpu",
    _HERE / "glm_4_5v_tiny_cpu.yaml",
    *_GLM_4_5V,
    gpus=0,
    source="ours",
    tried="on two CPU cores, with PaddleFormers 1.2.0",
)
QWEN3_VL_FULL = Recipe(
    "qwen3-vl-full",
    _HERE / "qwen3_vl_full.yaml",
    *_QWEN3_VL,
    source="PaddlePaddle/PaddleFormers, release/v1.0, grounding practice of Qwen3-VL",
    tried=_NOT_RUN,
)
QWEN3_VL_LORA = Recipe(
    "qwen3-vl-lora",
    _HERE / "qwen3_vl_lora.yaml",
    *_QWEN3_VL,
    gpus=1,
    source="PaddlePaddle/PaddleFormers, grounding practice of Qwen2.5-VL (LoRA)",
    tried=f"{_NOT_RUN}; an adapter of the tiny checkpoint was trained on a CPU",
)
QWEN3_VL_TINY_CPU = Recipe(
    "qwen3-vl-tiny-cpu",
    _HERE / "qwen3_vl_tiny_cpu.yaml",
    *_QWEN3_VL,
    gpus=0,
    source="ours",
    tried="on two CPU cores, with PaddleFormers 1.2.0",
)
