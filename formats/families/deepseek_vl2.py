"""DeepSeek-VL2: each label and the list of its boxes between tags of their own.

<|ref|>bowl<|/ref|><|det|>[[228, 320, 960, 969]]<|/det|>

Source: deepseek-ai/DeepSeek-VL2 at ef9f91e2b642, deepseek_vl2/serve/app_modules/utils.py (how boxes
are read, `/ 999`), README.md (the text), web_demo.py (the prompt for all of one class) (sure). How
boxes are rounded is unpublished: half to even is ours, as are several classes in one prompt, what
stands between the objects of two labels, and the words for nothing.
"""

from groundray.formats.codecs import Grid
from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import END_TOKENS, Envelope
from groundray.formats.grammars.paired_tags import PairedTags

DEEPSEEK_VL2 = DeclaredFormat(
    "deepseek-vl2",
    prompts={
        "detection": "Find all the <|ref|>{classes}<|/ref|>",
        "grounding": "<|ref|>{expression}<|/ref|>.",
    },
    codec=Grid(999),
    grammar=PairedTags(
        ("<|ref|>", "<|/ref|>"),
        ("<|det|>", "<|/det|>"),
        brackets=("[", "]"),
        list_brackets=("[", "]"),
    ),
    nothing="None",
    envelope=Envelope(end_tokens=(*END_TOKENS, "<｜end▁of▁sentence｜>")),  # noqa: RUF001
    source=(
        "deepseek-ai/DeepSeek-VL2 at ef9f91e2b642, deepseek_vl2/serve/app_modules/utils.py, "
        "README.md and web_demo.py; rounding unpublished, several classes and the words for "
        "nothing are ours"
    ),
    confidence="unverified: rounding, and several classes in one prompt or answer",
)
