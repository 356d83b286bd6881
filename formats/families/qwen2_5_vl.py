"""Qwen2.5-VL: JSON, with pixels of the image as the model sees it.

```json
[
        {"bbox_2d": [147, 134, 619, 407], "label": "bowl"}
]
```

That is of an image of 640x428 pixels, which the model sees as 644x420. By default it is what the
model sees in PaddleFormers' training, where images are first shrunk to 768x768 pixels in area.

Source: QwenLM/Qwen3-VL at 96588727e44c, qwen-vl-finetune/tools/process_bbox.ipynb (rounding, clamp,
text) (sure); transformers 5.3, models/qwen2_vl/image_processing_qwen2_vl.py (smart_resize), with
the limits of the models' preprocessor_config.json, 3136 and 12845056 (sure); PaddleFormers 1.2.0,
paddleformers/datasets/template/mm_plugin.py (its own shrinking) (sure). The prompts are those of
Qwen3-VL's cookbooks/2d_grounding.ipynb; the words for nothing are ours.
"""

from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.grammars.json_objects import Json
from groundray.formats.resized_pixels import ResizedPixels

QWEN2_5_VL = DeclaredFormat(
    "qwen2.5-vl",
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
    codec=ResizedPixels(),
    grammar=Json(
        head="```json\n[\n",
        item='\t{"bbox_2d": {box}, "label": {label}}',
        between=",\n",
        tail="\n]\n```",
    ),
    nothing="[]",
    envelope=Envelope(),
    source=(
        "QwenLM/Qwen3-VL at 96588727e44c, qwen-vl-finetune/tools/process_bbox.ipynb; transformers "
        "5.3, image_processing_qwen2_vl.py; PaddleFormers 1.2.0, mm_plugin.py (sure); the words "
        "for nothing are ours"
    ),
    confidence="verified",
)
