"""Qwen3-VL as PaddleFormers trains it: placeholders, which the trainer fills with Qwen's tokens.

`<ref-object><bbox>` with `{"ref": ["bowl"], "bbox": [[228, 320, 961, 970]]}`

The model then says
`<|object_ref_start|>bowl<|object_ref_end|><|box_start|>(228,320),(961,970)<|box_end|>`.

Source: PaddleFormers release/v1.0, grounding practice, and
paddleformers/datasets/template/grounding_plugin.py at 1.2.0 (sure). The grounding prompt is that of
QwenLM/Qwen3-VL, cookbooks/2d_grounding.ipynb, less its "in JSON format"; the words for nothing are
ours.
"""

from groundray.formats.codecs import Grid
from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.grammars.placeholders import Placeholders

QWEN3_VL = DeclaredFormat(
    "qwen3-vl",
    system="You are a helpful assistant.",
    prompts={
        "detection": "Task: Object Detection",
        "grounding": "Locate {expression} in this image and output the bbox coordinates.",
    },
    codec=Grid(1000),
    grammar=Placeholders(),
    nothing="None",
    envelope=Envelope(),
    source=(
        "PaddleFormers release/v1.0 grounding practice; grounding_plugin.py at 1.2.0 (sure); "
        "the words for nothing are ours"
    ),
    confidence="verified",
)
