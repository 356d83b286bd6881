"""GLM-4.5V and GLM-4.6V: boxes between tokens of their own, with labels for detection only.

<|begin_of_box|>[{"label": "bowl", "bbox_2d": [228, 320, 961, 970]}]<|end_of_box|>

One referring expression is answered by `<|begin_of_box|>[[228,320,961,970]]<|end_of_box|>`.

Source: zai-org/GLM-V, README.md and skills/glmv-grounding/SKILL.md (sure); that the answer to an
expression has no labels is in the README (sure).
"""

from groundray.formats.codecs import Grid
from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.grammars.json_objects import Json

GLM_4_5V = DeclaredFormat(
    "glm-4.5v",
    prompts={
        "detection": (
            "Locate every instance that belongs to the following categories: '{classes}'. "
            "Report label and bbox_2d of each in JSON format."
        ),
        "grounding": (
            "Please pinpoint the bounding box [[x1,y1,x2,y2], …] in the image as per the given "
            "description. {expression}"
        ),
    },
    codec=Grid(1000),
    grammar=Json(
        head="<|begin_of_box|>[",
        item='{"label": {label}, "bbox_2d": {box}}',
        tail="]<|end_of_box|>",
    ),
    grounding_grammar=Json(
        head="<|begin_of_box|>[",
        item="{box}",
        between=",",
        tail="]<|end_of_box|>",
        comma=",",
    ),
    nothing="[]",
    envelope=Envelope(),
    source="zai-org/GLM-V, README.md and skills/glmv-grounding/SKILL.md (sure)",
    confidence="verified",
)
