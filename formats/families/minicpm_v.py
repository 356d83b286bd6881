"""MiniCPM-V 2.6 to 4.5: each label and its boxes between tags, numbers apart by spaces.

<ref>bowl</ref><box>228 320 961 970</box>

One referring expression is answered by `<box>228 320 961 970</box>`.

Source: OpenBMB/MiniCPM-V#982 (the prompt, the answer without a label), OpenBMB/MiniCPM-V#772 and
OpenSQZ/MiniCPM-V-CookBook#39 (label and box, integers 0 to 1000), all by maintainers (sure). How
they are rounded is unpublished, half to even is ours, as are several boxes of a label, several
labels, the prompt for detection and the words for nothing.
"""

from dataclasses import replace

from groundray.formats.codecs import Grid
from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.grammars.paired_tags import PairedTags

_TAGS = PairedTags(
    ("<ref>", "</ref>"),
    ("<box>", "</box>"),
    comma=" ",
    between_boxes="</box><box>",
    between="\n",
)

MINICPM_V = DeclaredFormat(
    "minicpm-v",
    prompts={
        "detection": (
            "Please provide the bounding box coordinates of every object of the following "
            "categories: {classes}."
        ),
        "grounding": (
            "Please provide the bounding box coordinate of the region this sentence describes: "
            "<ref>{expression}</ref>"
        ),
    },
    codec=Grid(1000),
    grammar=_TAGS,
    grounding_grammar=replace(_TAGS, label_tags=None),
    nothing="None",
    envelope=Envelope(reserved=("<ref>", "</ref>", "<box>", "</box>")),
    source=(
        "OpenBMB/MiniCPM-V#982 and #772, OpenSQZ/MiniCPM-V-CookBook#39 (sure); several boxes or "
        "labels, the prompt for detection and the words for nothing are ours"
    ),
    confidence="unverified: rounding, and the text of several boxes",
)
