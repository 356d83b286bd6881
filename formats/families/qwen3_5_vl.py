"""Qwen3.5 with images: JSON, as Qwen3-VL writes it.

```json
[
        {"bbox_2d": [228, 320, 961, 970], "label": "bowl"}
]
```

Source: modelscope/ms-swift, Qwen3_5Template, which treats boxes as Qwen3-VL's (fairly sure);
QwenLM/Qwen3.8-Flash-Next#4, where coordinates from 0 to 1000 are said to be those of Qwen3.5, and
values over 1000 are reported (fairly sure). No cookbook of its own shows the text.
"""

from dataclasses import replace

from groundray.formats.families.qwen3_vl_json import QWEN3_VL_JSON

QWEN3_5_VL = replace(
    QWEN3_VL_JSON,
    name="qwen3.5-vl",
    source=(
        "modelscope/ms-swift, Qwen3_5Template; QwenLM/Qwen3.8-Flash-Next#4 for the space "
        "(fairly sure); the rest as qwen3-vl-json"
    ),
    confidence="unverified: text, rounding and prompts are Qwen3-VL's; values over 1000 reported",
)
