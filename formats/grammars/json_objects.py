"""JSON, as models write it: `[{"bbox_2d": [228, 320, 961, 970], "label": "bowl"}]`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from groundray.formats.base import ParsedAnswer, Rendered, Wire
from groundray.formats.grammars.base import Body


@dataclass(frozen=True)
class Json:
    """Objects in a JSON text of a fixed layout; reading takes any layout.

    Attributes:
        item: text of one object; `{box}` and `{label}` stand for its numbers in brackets and its
            label in quotes. Without `{label}` the text names no labels.
        head: what stands before the first object.
        between: what stands between two.
        tail: what stands after the last.
        comma: what stands between two numbers of a box.
    """

    item: str
    head: str = "["
    between: str = ", "
    tail: str = "]"
    comma: str = ", "

    def label_text(self, label: str) -> str:
        """The label in quotes, with non-ASCII characters as they are."""
        return json.dumps(label, ensure_ascii=False)

    def render(self, label_texts: Sequence[str], wire: Sequence[Wire]) -> Rendered:
        """The whole answer."""
        template, comma = self._template, self.comma
        items = [
            template % {"label": label, "box": comma.join(map(str, box))}
            for label, box in zip(label_texts, wire, strict=True)
        ]
        return Rendered(f"{self.head}{self.between.join(items)}{self.tail}")

    def parse(self, body: Body) -> ParsedAnswer:
        """Objects of any JSON-like answer."""
        raise NotImplementedError

    @cached_property
    def _template(self) -> str:
        escaped = self.item.replace("%", "%%")
        return escaped.replace("{box}", "[%(box)s]").replace("{label}", "%(label)s")
