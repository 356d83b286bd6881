"""A backend whose every batch takes the same time, as a plugin file: what is left is the engine's.

The checkpoint is a text file that holds the seconds of a batch.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from groundray.models.base import Answer, ImageInput, Prompt, Settings

ANSWER = "<|object_ref_start|>cup<|object_ref_end|><|box_start|>(10,20),(300,400)<|box_end|>\n" * 7


class FixedCost:
    """Sleeps, and says the same seven boxes of every image."""

    name: ClassVar[str] = "fixed-cost"
    image_input: ClassVar[ImageInput] = "pixels"
    batch_size: ClassVar[int] = 8
    max_batch_size: ClassVar[int | None] = None
    has_logprobs: ClassVar[bool] = False
    device: str = "cpu"

    def __init__(self, settings: Settings) -> None:
        self._batch_s = float(Path(settings.checkpoint).read_text())

    @classmethod
    def check(cls, settings: Settings) -> None:
        """See `Backend`; there is nothing to check."""

    def answer(self, prompts: Sequence[Prompt]) -> list[Answer]:
        """See `Backend`."""
        time.sleep(self._batch_s)
        return [Answer(ANSWER) for _ in prompts]

    def describe(self) -> dict[str, Any]:
        """See `Backend`."""
        return {"device": "cpu"}
