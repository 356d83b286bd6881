"""Replay: answers read from a file, so that what any other system said can be scored."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from groundray.models.answer_files import AnswerFiles, check_answer_files
from groundray.models.base import Answer, ImageInput, Prompt, Settings


class Replay:
    """The answers of jsonl files, found by the ids of records.

    docs/servers.md says what its lines may look like.
    """

    name: ClassVar[str] = "replay"
    image_input: ClassVar[ImageInput] = "none"
    batch_size: ClassVar[int] = 1000
    max_batch_size: ClassVar[int | None] = None
    has_logprobs: ClassVar[bool] = True  # where the file has them
    device: str = "cpu"

    def __init__(self, settings: Settings) -> None:
        """Reads the files once.

        Raises:
            ModelError: it cannot be read, or has no answers.
        """
        self._files = AnswerFiles(settings.checkpoint)
        self._wants_tokens = settings.logprobs

    @classmethod
    def check(cls, settings: Settings) -> None:
        """See `Backend`; looks at the first lines only."""
        check_answer_files(settings.checkpoint)

    def answer(self, prompts: Sequence[Prompt]) -> list[Answer]:
        """See `Backend`."""
        answers = self._files.find([prompt.id for prompt in prompts])
        if self._wants_tokens:
            return answers
        return [
            answer if answer.tokens is None else replace(answer, tokens=None) for answer in answers
        ]

    def describe(self) -> dict[str, Any]:
        """See `Backend`; lines without id or answer are counted, and the first of them named."""
        return {
            "sha256": self._files.sha256,
            "answers": self._files.num_answers,
            "faulty_lines": self._files.faults.count,
            "first_faulty": self._files.faults.named,
        }
