"""Qwen3-VL in its native JSON.

```json
[
        {"bbox_2d": [228, 320, 961, 970], "label": "bowl"}
]
```

Source: QwenLM/Qwen3-VL, cookbooks/2d_grounding.ipynb and evaluation/ODinW-13/dataset_utils.py
(sure).
"""

from groundray.formats.codecs import Grid
from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.grammars.json_objects import Json

QWEN3_VL_JSON = DeclaredFormat(
    "qwen3-vl-json",
    system="You are a helpful assistant.",
    prompts={
        "detection": (
            "Locate every instance that belongs to the following categories: '{classes}'. "
            "Report bbox coordinates in JSON format."
        ),
        "grounding": (
            "Locate {expression} in this image and output the bbox coordinates in JSON format."
        ),
    },
    codec=Grid(1000),
    grammar=Json(
        head="```json\n[\n",
        item='\t{"bbox_2d": {box}, "label": {label}}',
        between=",\n",
        tail="\n]\n```",
    ),
    nothing="[]",
    envelope=Envelope(),
    source=(
        "QwenLM/Qwen3-VL, cookbooks/2d_grounding.ipynb and evaluation/ODinW-13/dataset_utils.py "
        "(sure)"
    ),
    confidence="verified",
)
