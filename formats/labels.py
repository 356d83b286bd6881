"""Labels that a text can carry: checked once each, for a run writes the same few over and over."""

import re
from collections.abc import Callable, Iterable

from groundray.formats.errors import LabelError

TRAINER_PLACEHOLDERS = ("<ref-object>", "<bbox>", "<image>", "<video>", "<audio>")
"""PaddleFormers replaces these wherever they stand in a message, in a label too."""

# The spelling that chat models share for tokens of their own: <|im_end|>, <|box_start|>, ...
_CHAT_TOKEN = r"<\|[^|<>\s]{1,64}\|>"  # noqa: S105

PLAIN_LABEL = re.compile(r"[^\W\d_]+(?:[ -][^\W\d_]+)*")
"""Words of letters, which any grammar can carry: they need no trial, which costs 50 us."""

# Labels remembered per format: a detection set has thousands at most, a grounding set has one an
# example, which must not pile up.
_MAX_REMEMBERED = 65536


class LabelTexts(dict[str, str]):
    """Label to its text in a format; a label is checked when it is first looked up.

    Attributes:
        spell: text of a label that was not seen before; raises LabelError.
    """

    def __init__(self, spell: Callable[[str], str]) -> None:
        super().__init__()
        self.spell = spell

    def __missing__(self, label: str) -> str:
        """Spells and remembers a label."""
        text = self.spell(label)
        if len(self) >= _MAX_REMEMBERED:
            self.clear()
        self[label] = text
        return text


def reserved_pattern(tokens: Iterable[str]) -> re.Pattern[str]:
    """Finds what a label must not hold: the given tokens, the trainer's, lone surrogates."""
    words = "|".join(re.escape(token) for token in (*TRAINER_PLACEHOLDERS, *tokens))
    return re.compile(f"{words}|{_CHAT_TOKEN}|[\\ud800-\\udfff]")


def refuse_reserved(text: str, reserved: re.Pattern[str], *, what: str, format_name: str) -> None:
    """Raises LabelError if the text of a label or an expression holds something reserved.

    Args:
        text: the label or expression.
        reserved: from `reserved_pattern`.
        what: `label` or `expression`, for the message.
        format_name: for the message.
    """
    found = reserved.search(text)
    if found is not None:
        raise LabelError(
            f"{what} {text!r} cannot be written in {format_name!r}: "
            f"it holds {found.group()!r}, {_meaning(found.group())}"
        )


def _meaning(token: str) -> str:
    if token in TRAINER_PLACEHOLDERS:
        return "which the trainer would fill in"
    if "\ud800" <= token <= "\udfff":
        return "half a character, which no file can store"
    return "which the model reads as a token of its own"
