"""A backend for tests, as a plugin file: it measures the image and says one box of it.

The checkpoint is a JSON file: `log` (every id asked is appended there), and by record id what is
to happen: `kill`, `raise`, `oom`, `silent`, `slow_s`. `room` is the largest batch that fits.
"""

import json
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from groundray.formats.errors import ModelError, OutOfMemoryError
from groundray.models.base import Answer, ImageInput, Prompt, Settings, Token


class BoxTeller:
    name: ClassVar[str] = "box-teller"
    image_input: ClassVar[ImageInput] = "pixels"
    batch_size: ClassVar[int] = 4
    max_batch_size: ClassVar[int | None] = 16
    has_logprobs: ClassVar[bool] = True
    device: str = "cpu"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._script: dict[str, Any] = json.loads(Path(settings.checkpoint).read_text())
        if self._script.get("dies_loading"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self._script.get("cannot_load"):
            raise ModelError("the weights are not those of the file")

    @classmethod
    def check(cls, settings: Settings) -> None:
        if not Path(settings.checkpoint).is_file():
            raise ModelError(f"no checkpoint at {settings.checkpoint!r}")

    def answer(self, prompts: Sequence[Prompt]) -> list[Answer]:
        if len(prompts) > self._script.get("room", 1000):
            raise OutOfMemoryError("too many")
        return [self._answer(prompt) for prompt in prompts]

    def describe(self) -> dict[str, Any]:
        return {"device": "cpu"}

    def _answer(self, prompt: Prompt) -> Answer:
        time.sleep(self._script.get("slow_s", 0.0))
        if prompt.id in self._script.get("kill", []):
            os.kill(os.getpid(), signal.SIGKILL)
        if prompt.id in self._script.get("raise", []):
            raise ZeroDivisionError("a bug of the backend")
        if prompt.id in self._script.get("oom", []):
            raise OutOfMemoryError("too large")
        if log := self._script.get("log"):
            with Path(log).open("a") as file:
                file.write(f"{prompt.id}\n")
        if prompt.id in self._script.get("silent", []):
            return Answer("")
        assert not isinstance(prompt.image, bytes | None)
        height, width, _ = prompt.image.shape
        corner = int(prompt.image.mean()) * 2
        text = f"<|object_ref_start|>{width}x{height}<|object_ref_end|>"
        box = f"<|box_start|>(0,0),({corner},1000)<|box_end|>"
        tokens = (Token(text, -0.5), Token(box, -0.25)) if self._settings.logprobs else None
        return Answer(text + box, num_tokens=len(text + box), tokens=tokens)
