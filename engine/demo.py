"""The demo: the whole story on the sample that ships, as the commands that a person would type."""

import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from groundray.formats.errors import GroundrayError, ModelError, OutputError, SourceError
from groundray.models.paddle_import import INSTALL

STEPS = 140
"""Of the training: the loss is flat from 100 on, and five images are known by heart."""

FAMILIES = "qwen3-vl,ernie-4.5-vl,glm-4.5v"
FORMAT = "qwen3-vl"

_FEW, _SEED = 5, 60  # this seed draws the five images with the fewest boxes: it must be quick
_MAX_NEW_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the demo.

    Attributes:
        about: what it shows, in a sentence.
        arguments: of `groundray`.
    """

    about: str
    arguments: tuple[str, ...]

    @property
    def typed(self) -> str:
        """The command as a person would type it."""
        return shlex.join(["groundray", *self.arguments])


def find_sample() -> Path:
    """The sample: in a checkout among the tests' data, in an installed package beside this module.

    Raises:
        SourceError: it is in neither place.
    """
    here = Path(__file__).resolve().parent
    for place in (here.parent / "tests/data/coco_small_ccby", here / "sample"):
        if place.is_dir():
            return place
    raise SourceError("the sample did not come with this installation: clone the repository")


def demo_steps(output: Path, *, training_steps: int = STEPS) -> list[Step]:
    """The commands, in order; all that they write goes below `output`."""
    data, few, tiny, run = (output / name for name in ("data", "few", "tiny", "run"))
    before, after, other = (output / f"{name}-predictions" for name in ("before", "after", "other"))
    trained = run / "checkpoints"
    learned = _asking("train")
    return [
        _step("What is in the data, and how would it be read?", "inspect", find_sample()),
        _step(
            "Training shards for three model families, from one read.",
            "convert", find_sample(), data, "--format", FAMILIES, "--keep-empty",
        ),
        _step(
            f"{_FEW} images with few boxes, to learn by heart.",
            "convert", data, few, "--format", FORMAT, "--samples", _FEW, "--seed", _SEED,
            "--images", "reference",
        ),
        _step(
            "A tiny checkpoint of the real architecture, with random weights.",
            "models", "tiny", tiny,
        ),
        _step(
            "What does it answer before it is trained?",
            "predict", few, before, "--checkpoint", tiny, *learned,
        ),
        _step(
            "PaddleFormers trains it, under Ray.",
            "train", few / FORMAT, run, "--model", tiny, "--cpu",
            "--set", f"max_steps={training_steps}", "--set", f"per_device_train_batch_size={_FEW}",
            "--set", "save_strategy=no", "--set", "save_hf_steps=0",
        ),
        _step(
            "What does it answer now about the images that it learned?",
            "predict", few, after, "--checkpoint", trained, *learned,
        ),
        _step(
            "And about images that it has never seen?",
            "predict", data, other, "--checkpoint", trained, *_asking("val"),
        ),
        _step(
            "Scores, and a report.",
            "evaluate", before / tiny.name, after / trained.name, other / trained.name,
            output / "report", "--name", "before, learned images",
            "--name", "after, learned images (memorised)", "--name", "after, other images",
        ),
        _step(
            "What it says about the images that it learned.",
            "draw", after / trained.name, output / "look.png",
        ),
    ]  # fmt: skip


def run_demo(
    output: str,
    *,
    training_steps: int = STEPS,
    on_step: Callable[[Step], None] = lambda step: None,
) -> Path:
    """Runs the demo, each command in a process of its own; the report's path comes back.

    Args:
        output: folder that does not exist yet, or is empty.
        training_steps: of the training.
        on_step: is told about each command before it runs.

    Raises:
        OutputError: there is something in `output`.
        GroundrayError: PaddleFormers is not installed, or a command failed.
    """
    if find_spec("paddleformers") is None:
        raise ModelError(INSTALL)
    folder = Path(output)
    if folder.exists() and any(folder.iterdir()):
        raise OutputError(f"{output} is not empty: name a new folder for the demo")
    for step in demo_steps(folder, training_steps=training_steps):
        on_step(step)
        command = [sys.executable, "-m", "groundray.engine", *step.arguments]
        status = subprocess.run(command, check=False).returncode  # noqa: S603  our own command
        if status:
            raise GroundrayError(f"`{step.typed}` failed: see above")
    return folder / "report/report.html"


def _step(about: str, *arguments: object) -> Step:
    return Step(about, tuple(map(str, arguments)))


def _asking(split: str) -> Sequence[object]:
    limits = "--max-new-tokens", _MAX_NEW_TOKENS, "--runner", "local"
    return "--format", FORMAT, "--split", split, *limits
