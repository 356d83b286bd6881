"""What can be asked; a module of its own, because the command line needs no more to start."""

from typing import Literal

Task = Literal["detection", "grounding"]
"""detection: every instance of the named classes; grounding: what one expression refers to."""

TASKS: tuple[Task, ...] = ("detection", "grounding")
