"""Kosmos-2: each phrase, and its boxes as the numbers of their first and last patch.

<phrase> bowl</phrase><object><patch_index_0327><patch_index_1022></object>

An expression stands in the prompt, and the answer is `<object>...</object>`. Several boxes of a
phrase have `</delimiter_of_multi_objects/>` between.

Source: huggingface/transformers 5.3.0, models/kosmos2/processing_kosmos2.py:
`coordinate_to_patch_index`, `patch_index_to_coordinate`, `extract_entities_with_patch_indices`
(sure); docs/source/en/model_doc/kosmos-2.md for `<grounding><phrase> a snowman</phrase>` as prompt
(sure). The prompt for detection and the words for nothing are ours: the model was trained on
captions.
"""

from dataclasses import replace

from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.grammars.paired_tags import PairedTags
from groundray.formats.patch_pairs import PatchPairs

_PHRASES = PairedTags(
    ("<phrase>", "</phrase>"),
    ("<object>", "</object>"),
    number="<patch_index_%04d>",
    comma="",
    between_boxes="</delimiter_of_multi_objects/>",
    lead=" ",
    count=2,
)

KOSMOS_2 = DeclaredFormat(
    "kosmos-2",
    prompts={
        "detection": "<grounding> Find all of: {classes}.",
        "grounding": "<grounding><phrase> {expression}</phrase>",
    },
    codec=PatchPairs(32),
    grammar=_PHRASES,
    grounding_grammar=replace(_PHRASES, label_tags=None),
    nothing="None",
    envelope=Envelope(reserved=("<phrase>", "</phrase>", "<object>", "</object>", "<grounding>")),
    source=(
        "huggingface/transformers 5.3.0, models/kosmos2/processing_kosmos2.py; the prompt for "
        "detection and the words for nothing are ours"
    ),
    confidence="unverified: the prompt for detection",
)
