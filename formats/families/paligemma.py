"""PaliGemma: four location tokens, y first, and then the label.

<loc0327><loc0233><loc0992><loc0983> bowl

Source: google-research/big_vision at 0127fb6b337e, big_vision/pp/proj/paligemma/segmentation.py
(rounding and clipping, half to even) and big_vision/evaluators/proj/paligemma/transfers/
segmentation.py (`/ 1023`) (sure); ai.google.dev/gemma/docs/paligemma/prompt-system-instructions
for the prompt (sure). Official code rounds shares of the image in float32, and so does this. The
words for nothing are ours.
"""

from groundray.formats.codecs import Grid
from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.grammars.token_run import TokenRun

PALIGEMMA = DeclaredFormat(
    "paligemma",
    prompts={"detection": "detect {classes}", "grounding": "detect {expression}"},
    class_separator=" ; ",
    codec=Grid(1023, order="yxyx", precision="single"),
    grammar=TokenRun(
        "<loc%04d>",
        label="after",
        between=" ; ",
        ignored=("<seg%03d>", "<bos>", "<pad>"),
    ),
    nothing="None",
    envelope=Envelope(),
    source=(
        "google-research/big_vision at 0127fb6b337e, big_vision/pp/proj/paligemma/segmentation.py; "
        "ai.google.dev/gemma/docs/paligemma/prompt-system-instructions; the words for nothing "
        "are ours"
    ),
    confidence="verified",
)
