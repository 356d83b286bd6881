"""PaddleFormers' placeholders: `<ref-object><bbox>, <ref-object><bbox>`.

The trainer fills them in, so the model learns, and says,
`<|object_ref_start|>bowl<|object_ref_end|><|box_start|>(228,320),(961,970)<|box_end|>`, or, where
its special tokens were skipped in decoding, `bowl(228,320),(961,970)`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from groundray.formats.base import ParsedAnswer, Rendered, Wire
from groundray.formats.grammars.base import Body

_ONE = "<ref-object><bbox>"
_SEPARATOR = ", "

# Texts of 0 to 63 objects, ready: most images have fewer.
_READY = tuple(_SEPARATOR.join([_ONE] * count) for count in range(64))


@dataclass(frozen=True, slots=True)
class Placeholders:
    """One placeholder pair an object."""

    def label_text(self, label: str) -> str:
        """The label itself: it travels beside the text, in `objects`."""
        return label

    def render(self, label_texts: Sequence[str], wire: Sequence[Wire]) -> Rendered:
        """Placeholders, and the objects that fill them."""
        count = len(label_texts)
        text = _READY[count] if count < len(_READY) else _SEPARATOR.join([_ONE] * count)
        return Rendered(text, {"ref": list(label_texts), "bbox": list(wire)})

    def parse(self, body: Body) -> ParsedAnswer:
        """Objects of both spellings."""
        raise NotImplementedError
