"""A backend for tests of sweeps, as a plugin file: its configuration says what it answers."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from groundray.models.base import Answer, ImageInput, Prompt, Settings


class StepTeller:
    name: ClassVar[str] = "step-teller"
    image_input: ClassVar[ImageInput] = "none"
    batch_size: ClassVar[int] = 8
    max_batch_size: ClassVar[int | None] = None
    has_logprobs: ClassVar[bool] = False
    device: str = "cpu"

    def __init__(self, settings: Settings) -> None:
        config = Path(settings.checkpoint, "config.json").read_text()
        self._answers: dict[str, str] = json.loads(config)["answers"]

    @classmethod
    def check(cls, settings: Settings) -> None:
        """Nothing can be wrong."""

    def answer(self, prompts: Sequence[Prompt]) -> list[Answer]:
        return [Answer(self._answers.get(prompt.id, "None")) for prompt in prompts]

    def describe(self) -> dict[str, Any]:
        return {}
