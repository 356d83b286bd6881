"""Qwen2-VL, as PaddleFormers trains it: placeholders, which the trainer fills with Qwen's tokens.

`<ref-object><bbox>` with `{"ref": ["bowl"], "bbox": [[228, 320, 961, 970]]}`

The model then says
`<|object_ref_start|>bowl<|object_ref_end|><|box_start|>(228,320),(961,970)<|box_end|>`.

Source: QwenLM/Qwen3-VL at 96588727e44c, qwen-vl-finetune/tools/process_bbox.ipynb (space, rounding,
clamp) (sure); QwenLM/Qwen2-VL README.md (the text of one object) (sure); PaddleFormers 1.2.0,
paddleformers/datasets/template/grounding_plugin.py (the same text) (sure). The prompts, what stands
between two objects, and the words for nothing are those of PaddleFormers' grounding practice for
Qwen3-VL, or ours.
"""

from dataclasses import replace

from groundray.formats.families.qwen3_vl import QWEN3_VL

QWEN2_VL = replace(
    QWEN3_VL,
    name="qwen2-vl",
    source=(
        "QwenLM/Qwen3-VL at 96588727e44c, qwen-vl-finetune/tools/process_bbox.ipynb; "
        "PaddleFormers 1.2.0, grounding_plugin.py (sure); prompts and the words for nothing are "
        "those of qwen3-vl"
    ),
    confidence="unverified: prompts, and what stands between two objects",
)
