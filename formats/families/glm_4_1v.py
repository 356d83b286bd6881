"""GLM-4.1V-Thinking: GLM-4.5V's boxes in an answer after reasoning, which is left empty here.

<think>
</think>
<answer><|begin_of_box|>[{"label": "bowl", "bbox_2d": [228, 320, 961, 970]}]<|end_of_box|></answer>

One referring expression is answered by `<|begin_of_box|>[[228,320,961,970]]<|end_of_box|>` there.

Source: zai-org/GLM-V at 8fc9756fd231, README.md (boxes) and glmv_reward/README.md (the tags around)
(sure); zai-org/GLM-V#161 (0 to 1000) (sure). That this older model names objects in GLM-4.5V's JSON
is not written anywhere; an empty reasoning and the words for nothing are ours.
"""

from dataclasses import replace

from groundray.formats.families.glm_4_5v import GLM_4_5V
from groundray.formats.grammars.json_objects import Json

_HEAD = "<think>\n</think>\n<answer>"
_TAIL = "</answer>"

GLM_4_1V = replace(
    GLM_4_5V,
    name="glm-4.1v",
    grammar=Json(
        head=f"{_HEAD}<|begin_of_box|>[",
        item='{"label": {label}, "bbox_2d": {box}}',
        tail=f"]<|end_of_box|>{_TAIL}",
    ),
    grounding_grammar=Json(
        head=f"{_HEAD}<|begin_of_box|>[",
        item="{box}",
        between=",",
        tail=f"]<|end_of_box|>{_TAIL}",
        comma=",",
    ),
    nothing=f"{_HEAD}[]{_TAIL}",
    source=(
        "zai-org/GLM-V at 8fc9756fd231, README.md and glmv_reward/README.md; zai-org/GLM-V#161 "
        "(sure); an empty reasoning and the words for nothing are ours"
    ),
    confidence="unverified: the JSON for detection, which is GLM-4.5V's",
)
