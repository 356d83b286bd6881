"""Shikra: shares of the image, padded to a square, with three decimals.

bowl[0.228,0.380,0.961,0.814]

One referring expression is answered by `Answer: [0.228,0.380,0.961,0.814] .`.

Source: shikras/shikra at ff79a4ced85d, mllm/dataset/process_function/box_process_function.py (the
text), mllm/dataset/utils/transform.py (rounding, padding), config/_base_/model/shikra.py (that
images are padded to a square), mllm/dataset/single_image_dataset/rec.py (the answer) and
config/_base_/dataset/template/REC.json (the prompt) (sure). Labels before the brackets, the prompt
for detection and the words for nothing are ours: the model was trained on sentences.
"""

from dataclasses import replace

from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.grammars.bracket_prose import BracketProse
from groundray.formats.unit_decimals import UnitDecimals

_PROSE = BracketProse("%.3f")

SHIKRA = DeclaredFormat(
    "shikra",
    prompts={
        "detection": (
            "Can you point out every instance of the following categories in the image and "
            "provide the coordinates of their location? {classes}"
        ),
        "grounding": (
            "Can you point out {expression} in the image and provide the coordinates of its "
            "location?"
        ),
    },
    codec=UnitDecimals(3, square=True),
    grammar=_PROSE,
    grounding_grammar=replace(_PROSE, labels=False, head="Answer: ", tail=" ."),
    nothing="None",
    envelope=Envelope(),
    source=(
        "shikras/shikra at ff79a4ced85d, box_process_function.py, transform.py, "
        "config/_base_/model/shikra.py, rec.py and REC.json (sure); labels, the prompt for "
        "detection and the words for nothing are ours"
    ),
    confidence="unverified: labels for detection",
)
