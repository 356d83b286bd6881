"""ERNIE-4.5-VL, thinking or not: JSON with relative coordinates.

[{"bbox_2d": [228, 320, 961, 970], "label": "bowl"}]

Source: PaddlePaddle/ERNIE#1364 for the space (sure); the text is inferred from the tool schema in
PaddlePaddle/FastDeploy, docs/get_started/ernie-4.5-vl-thinking.md (fairly sure); how it rounds is
unpublished, half to even is ours.
"""

from groundray.formats.codecs import Grid
from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.grammars.json_objects import Json

ERNIE_4_5_VL = DeclaredFormat(
    "ernie-4.5-vl",
    prompts={
        "detection": (
            "Locate every instance that belongs to the following categories: '{classes}'. "
            "Report bbox_2d and label of each in JSON format."
        ),
        "grounding": (
            "Locate {expression} in this image. Report bbox_2d and label in JSON format."
        ),
    },
    codec=Grid(1000),
    grammar=Json(item='{"bbox_2d": {box}, "label": {label}}'),
    nothing="[]",
    envelope=Envelope(),
    source=(
        "PaddlePaddle/ERNIE#1364 for the space (sure); PaddlePaddle/FastDeploy "
        "docs/get_started/ernie-4.5-vl-thinking.md for the text (fairly sure); rounding unpublished"
    ),
    confidence="unverified: text, rounding, and that models that do not think write the same",
)
