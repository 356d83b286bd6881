"""Florence-2: each label, and the location tokens of all its boxes.

bowl<loc_228><loc_320><loc_960><loc_969>

Source: huggingface/transformers 5.3.0, models/florence2/processing_florence2.py: `quantize`,
`dequantize`, the task prompts, and `parse_description_with_bboxes_from_text_and_spans` (sure);
tests/models/florence2/test_modeling_florence2.py for two boxes after one label (sure). A prompt is
the task token, which the processor spells out. Official code drops characters of labels that are
not ASCII when it parses; here they stay. The words for nothing are ours.
"""

from groundray.formats.codecs import Bins
from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.grammars.token_run import TokenRun

FLORENCE_2 = DeclaredFormat(
    "florence-2",
    prompts={"detection": "<OD>", "grounding": "<CAPTION_TO_PHRASE_GROUNDING>{expression}"},
    codec=Bins(1000),
    grammar=TokenRun(
        "<loc_%d>",
        gathers=True,
        ignored=("<s>", "<pad>", "<od>", "</od>", "<ground>", "<obj>"),
    ),
    nothing="None",
    envelope=Envelope(reserved=("<s>", "<pad>")),
    source=(
        "huggingface/transformers 5.3.0, models/florence2/processing_florence2.py; "
        "the words for nothing are ours"
    ),
    confidence="verified",
)
