"""Gemini 2.0 and later: JSON, y before x.

```json
[
  {"box_2d": [320, 228, 970, 961], "label": "bowl"}
]
```

Source: google-gemini/cookbook at 044ee7004f40, quickstarts/Spatial_understanding.ipynb (keys,
order, `/ 1000`, system instruction) (sure); Google Cloud docs, "Bounding box detection" (0 to 1000)
(sure). How the model's data were rounded is unpublished, half to even is ours, as are the prompts
and the words for nothing.
"""

from groundray.formats.codecs import Grid
from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.grammars.json_objects import Json

GEMINI = DeclaredFormat(
    "gemini",
    system="Return bounding boxes as a JSON array with labels. Never return masks.",
    prompts={
        "detection": (
            "Detect the 2d bounding boxes of every instance of: {classes}. Answer with a JSON "
            "array of box_2d and label."
        ),
        "grounding": (
            "Detect the 2d bounding box of {expression}. Answer with a JSON array of box_2d and "
            "label."
        ),
    },
    codec=Grid(1000, order="yxyx"),
    grammar=Json(
        head="```json\n[\n",
        item='  {"box_2d": {box}, "label": {label}}',
        between=",\n",
        tail="\n]\n```",
    ),
    nothing="[]",
    envelope=Envelope(),
    source=(
        "google-gemini/cookbook at 044ee7004f40, quickstarts/Spatial_understanding.ipynb; Google "
        "Cloud docs, 'Bounding box detection' (sure); prompts and the words for nothing are ours"
    ),
    confidence="unverified: rounding",
)
