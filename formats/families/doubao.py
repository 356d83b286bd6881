"""Doubao vision and Seed 1.5-VL to 2.0: boxes between tags, in JSON where there are labels.

[{"category": "bowl", "bbox": "<bbox>228 320 961 970</bbox>"}]

One referring expression is answered by `<bbox>228 320 961 970</bbox>`.

Source: Volcano Engine docs, "Visual Grounding" (82379/1616136: both texts, "scaled coordinates
normalized to 1000*1000, with the value range of [0, 999]", `/ 1000`) (sure); the prompts follow its
examples. How numbers are rounded is not said there; Seedream's docs of the same platform
(82379/2582775) round to the nearest and clamp to 999 (fairly sure). Several boxes of an expression
and the words for nothing are ours.
"""

from groundray.formats.codecs import Grid
from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.grammars.json_objects import Json

_TAGS = ("<bbox>", "</bbox>")

DOUBAO = DeclaredFormat(
    "doubao",
    prompts={
        "detection": (
            'Please detect all objects in the image that belong to the categories "{classes}". '
            "For each object, please provide its category and bounding box as a JSON list."
        ),
        "grounding": "Draw a bounding box around {expression} and output its coordinates.",
    },
    codec=Grid(1000, highest=999),
    grammar=Json(item='{"category": {label}, "bbox": "{box}"}', comma=" ", brackets=_TAGS),
    grounding_grammar=Json(head="", item="{box}", between="", tail="", comma=" ", brackets=_TAGS),
    nothing="[]",
    envelope=Envelope(reserved=_TAGS),
    source=(
        "Volcano Engine docs 82379/1616136, 'Visual Grounding' (sure) and 82379/2582775 for "
        "rounding (fairly sure); the words for nothing are ours"
    ),
    confidence="unverified: rounding, and several boxes for one expression",
)
