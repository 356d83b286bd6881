"""What stands around an answer: reasoning, wrappers, end tokens."""

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from groundray.formats.grammars.base import MAX_TOKENS, Body
from groundray.formats.grammars.loose_strings import well_formed

END_TOKENS = ("<|im_end|>", "<|endoftext|>", "</s>", "<|user|>", "<|observation|>", "<eos>")
"""Tokens that end a turn, of the families that are built in."""


@dataclass(frozen=True)
class Envelope:
    """How to find the answer in what a model said.

    Attributes:
        end_tokens: whatever follows the first of them is padding.
        reserved: further tokens that a label must not hold, such as the grammar's delimiters.
    """

    end_tokens: tuple[str, ...] = END_TOKENS
    reserved: tuple[str, ...] = ()

    @property
    def tokens(self) -> tuple[str, ...]:
        """What a label must not hold."""
        return (*self.end_tokens, *self.reserved, "<think>", "</think>", "<answer>", "</answer>")

    def open(self, text: str) -> tuple[Body, bool]:
        """The answer's part of a text, and whether the text stops inside its reasoning.

        The answer begins after the last `</think>`, which may stand alone where the prompt held its
        counterpart. Of several `<answer>` parts the last one counts.
        """
        text = well_formed(text)
        start, stop, ended = self._until_end_token(text)
        start = _after_last("</think>", text, start, stop)
        stop, cut = _before_first("<think>", text, start, stop)
        start = _after_last("<answer>", text, start, stop)
        stop, closed = _before_first("</answer>", text, start, stop)
        return Body(text[start:stop], ended=ended or closed, offset=start), cut

    def _until_end_token(self, text: str) -> tuple[int, int, bool]:
        """The span before the first end token that does not lead it, and whether there is one."""
        start = 0
        for token in islice(self._end_token.finditer(text), MAX_TOKENS):
            if text[start : token.start()].strip():
                return start, token.start(), True
            start = token.end()
        return start, len(text), False

    @cached_property
    def _end_token(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, self.end_tokens)))


def _after_last(tag: str, text: str, start: int, stop: int) -> int:
    """Position after the last of a tag in a span, or its start."""
    at = text.rfind(tag, start, stop)
    return start if at < 0 else at + len(tag)


def _before_first(tag: str, text: str, start: int, stop: int) -> tuple[int, bool]:
    """Position before the first of a tag in a span, or its end; and whether there is one."""
    at = text.find(tag, start, stop)
    return (stop, False) if at < 0 else (at, True)
