"""What stands around an answer: reasoning, wrappers, end tokens."""

import re
from dataclasses import dataclass
from functools import cached_property

from groundray.formats.grammars.base import Body

END_TOKENS = ("<|im_end|>", "<|endoftext|>", "</s>", "<|user|>", "<|observation|>", "<eos>")
"""Tokens that end a turn, of the families that are built in."""

_MARKS = re.compile(r"</?(?:think|answer)>")


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

        Reasoning without its opening tag (the prompt held it) ends at `</think>` all the same. Of
        several `<answer>` parts the last one counts.
        """
        ended = False
        end = self._end.search(text)
        if end is not None:
            text, ended = text[: end.start()], True
        kept: list[str] = []
        start, thinking = 0, False
        for mark in _MARKS.finditer(text):
            tag = mark.group()
            if not thinking and tag != "</think>":
                kept.append(text[start : mark.start()])
            if tag == "<think>":
                thinking = True
            elif tag == "</think>":
                if not thinking:
                    kept.clear()
                thinking = False
            elif tag == "<answer>" and not thinking:
                kept.clear()
            elif tag == "</answer>" and not thinking:
                return Body("".join(kept), ended=True), False
            start = mark.end()
        if not thinking:
            kept.append(text[start:])
        return Body("\n".join(kept), ended), thinking

    @cached_property
    def _end(self) -> re.Pattern[str]:
        words = "|".join(re.escape(token) for token in self.end_tokens)
        return re.compile(rf"(?<=\S)\s*(?:{words})")
