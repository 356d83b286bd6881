"""CogVLM and CogAgent: numbers of three digits in double brackets, boxes apart by semicolons.

bowl[[228,320,961,970]]

One referring expression is answered by `[[228,320,961,970]]`.

Source: THUDM/CogVLM at f7283b2c8d26, README.md ("relative coordinates multiplied by 1000, prefixed
with zeros to three digits", the prompt) and utils/utils/grounding_parser.py (`/ 1000`, semicolons)
(sure); zai-org/CogVLM#46. How numbers are rounded is unpublished: half to even, at most 999, is
ours, as are labels before the brackets, the prompt for detection and the words for nothing: the
model was trained on one object, or on captions.
"""

from dataclasses import replace

from groundray.formats.codecs import Grid
from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.grammars.bracket_prose import BracketProse

_PROSE = BracketProse("%03d", brackets=("[[", "]]"))

COGVLM = DeclaredFormat(
    "cogvlm",
    prompts={
        "detection": (
            "Can you point out every instance of the following categories in the image and "
            "provide the bounding boxes of their location? {classes}"
        ),
        "grounding": (
            "Can you point out {expression} in the image and provide the bounding boxes of its "
            "location?"
        ),
    },
    codec=Grid(1000, highest=999),
    grammar=_PROSE,
    grounding_grammar=replace(_PROSE, labels=False),
    nothing="None",
    envelope=Envelope(),
    source=(
        "THUDM/CogVLM at f7283b2c8d26, README.md and utils/utils/grounding_parser.py; "
        "zai-org/CogVLM#46 (sure); labels, the prompt for detection and the words for nothing "
        "are ours"
    ),
    confidence="unverified: rounding, and labels for detection",
)
