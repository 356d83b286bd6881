"""InternVL 2, 2.5 and 3: each label and the list of its boxes between tags.

<ref>bowl</ref><box>[[228, 320, 961, 970]]</box>

Source: OpenGVLab/InternVL, docs "Chat Data Format", grounding / detection data (text, one label a
line, `round(x / width * 1000)`, both prompts) (sure); OpenGVLab/InternVL at 2410d1dbf208,
internvl_chat/eval/refcoco/evaluate_grounding.py (`/ 1000`, the prompt) (sure). Official detection
answers begin with a sentence, "Sure, I will detect and label all objects ...", which is left out
here, and the prompt names no classes: both are ours, as are the words for nothing. InternVL 1.5 cut
numbers instead of rounding them (OpenGVLab/InternVL#285).
"""

from groundray.formats.codecs import Grid
from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.grammars.paired_tags import PairedTags

INTERNVL = DeclaredFormat(
    "internvl",
    prompts={
        "detection": (
            "Please detect and label all objects of the following categories in the image and "
            "mark their positions: {classes}."
        ),
        "grounding": (
            "Please provide the bounding box coordinate of the region this sentence describes: "
            "<ref>{expression}</ref>"
        ),
    },
    codec=Grid(1000),
    grammar=PairedTags(
        ("<ref>", "</ref>"),
        ("<box>", "</box>"),
        brackets=("[", "]"),
        list_brackets=("[", "]"),
        between="\n",
    ),
    nothing="None",
    envelope=Envelope(reserved=("<ref>", "</ref>", "<box>", "</box>")),
    source=(
        "OpenGVLab/InternVL, docs 'Chat Data Format'; at 2410d1dbf208, "
        "internvl_chat/eval/refcoco/evaluate_grounding.py (sure); the prompt's classes and the "
        "words for nothing are ours"
    ),
    confidence="verified",
)
