"""Rex-Omni: each label and the tokens of its boxes, from left to right, between Qwen's tags.

<|object_ref_start|>bowl<|object_ref_end|><|box_start|><227><319><959><968><|box_end|>

Source: IDEA-Research/Rex-Omni at 478e44f86e7e, finetuning/dataset/task_fns/grounding_task.py
(rounding, text, boxes of a label sorted by their first number), finetuning/dataset/tsv_dataset.py
(the system message), rex_omni/parser.py, and rex_omni/tasks.py (the prompt) (sure). Official
training names every absent class, with `None` between its box tags, which is read here; `None`
alone, where nothing at all is there, is ours, and so is the order of the labels, which official
training shuffles.
"""

from groundray.formats.codecs import Grid
from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.grammars.paired_tags import PairedTags

REX_OMNI = DeclaredFormat(
    "rex-omni",
    system="You are a helpful assistant.",
    prompts={
        "detection": (
            "Detect {classes}. Output the bounding box coordinates in [x0, y0, x1, y1] format."
        ),
        "grounding": (
            "Detect {expression}. Output the bounding box coordinates in [x0, y0, x1, y1] format."
        ),
    },
    codec=Grid(999, rounding="floor"),
    grammar=PairedTags(
        ("<|object_ref_start|>", "<|object_ref_end|>"),
        ("<|box_start|>", "<|box_end|>"),
        number="<%d>",
        comma="",
        between_boxes=",",
        between=", ",
        sorted_by=1,
    ),
    nothing="None",
    envelope=Envelope(),
    source=(
        "IDEA-Research/Rex-Omni at 478e44f86e7e, finetuning/dataset/task_fns/grounding_task.py, "
        "rex_omni/parser.py and rex_omni/tasks.py; `None` alone is ours"
    ),
    confidence="verified",
)
