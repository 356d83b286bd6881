"""What a grammar is."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from groundray.formats.base import ParsedAnswer, Rendered, Wire

MAX_TOKENS = 500_000
"""An answer with more is runaway text, whose rest is left unread: no model writes so many, and a
worker's memory and time stay bounded whatever it is given."""


class Body(NamedTuple):
    """The part of a model's text that holds its answer.

    Attributes:
        text: without reasoning, wrappers and end tokens.
        ended: the model ended it itself, with an end token or a closed wrapper: what is open then
            was forgotten, not cut off.
        offset: where it stands in the model's text, for spans.
    """

    text: str
    ended: bool = False
    offset: int = 0


class Grammar(Protocol):
    """Objects to text and back.

    A grammar that writes all objects alike, one after another, may also have `outline`: the
    `groundray.formats.outline.Outline` of what `render` writes, which converting is fast with.
    """

    def label_text(self, label: str) -> str:
        """A label as the text spells it; whether it can be read back is the caller's check."""
        ...

    def render(self, label_texts: Sequence[str], wire: Sequence[Wire]) -> Rendered:
        """Text of at least one object."""
        ...

    def parse(self, body: Body) -> ParsedAnswer:
        """Objects that the text names; never raises, linear time."""
        ...
