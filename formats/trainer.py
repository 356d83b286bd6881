"""What PaddleFormers makes of an example: placeholders filled in, as its grounding plugin does.

`<ref-object><bbox>` becomes
`<|object_ref_start|>bowl<|object_ref_end|><|box_start|>(228,320),(961,970)<|box_end|>`

Source: PaddleFormers 1.2.0, paddleformers/datasets/template/grounding_plugin.py (a test runs it
beside this module).
"""

from groundray.formats.base import Rendered

REF_OBJECT = "<ref-object>"
BBOX = "<bbox>"


def trained_text(rendered: Rendered) -> str:
    """The assistant's text that a model is trained to say.

    Each list fills its placeholders from left to right; what is too much on either side stays.
    """
    text = rendered.assistant
    objects = rendered.objects or {}
    for label in objects.get("ref", []):
        text = text.replace(REF_OBJECT, f"<|object_ref_start|>{label}<|object_ref_end|>", 1)
    for box in objects.get("bbox", []):
        x1, y1, x2, y2 = (int(value) for value in box)
        text = text.replace(BBOX, f"<|box_start|>({x1},{y1}),({x2},{y2})<|box_end|>", 1)
    return text
