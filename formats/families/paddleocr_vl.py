"""PaddleOCR-VL 1.5 and 1.6, spotting: a line for each text, and eight tokens for its four corners.

bowl<|LOC_228|><|LOC_320|><|LOC_961|><|LOC_320|><|LOC_961|><|LOC_970|><|LOC_228|><|LOC_970|>

The label is the text itself, so a data set of text lines has them as its categories.

Source: PaddlePaddle/PaddleX at 1237a5fac4b6, paddlex/inference/pipelines/paddleocr_vl/uilts.py:
`post_process_for_spotting`, for the numbers, and for markers that may stand around texts and
corners (sure); PaddlePaddle/PaddleOCR#17637 for what the model says: a line for each text, corners
clockwise from the upper left, no markers (sure). How corners are rounded is unpublished, half to
even is ours, as are the words for nothing.
"""

from groundray.formats.codecs import Grid
from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.grammars.token_run import TokenRun
from groundray.formats.shapes import Corners

PADDLEOCR_VL = DeclaredFormat(
    "paddleocr-vl",
    prompts={"detection": "Spotting:"},
    codec=Corners(Grid(1000)),
    grammar=TokenRun(
        "<|LOC_%d|>",
        between="\n",
        count=8,
        ignored=(
            "<|TEXT_START|>",
            "<|TEXT_END|>",
            "<|LOC_BEGIN|>",
            "<|LOC_END|>",
            "<|LOC_SEP|>",
        ),
    ),
    nothing="None",
    envelope=Envelope(),
    source=(
        "PaddlePaddle/PaddleX at 1237a5fac4b6, paddlex/inference/pipelines/paddleocr_vl/uilts.py; "
        "PaddlePaddle/PaddleOCR#17637; rounding unpublished, the words for nothing are ours"
    ),
    confidence="unverified: rounding, and training on anything but text",
)
