"""What a backend is: something that answers prompts about images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    Protocol,
    TypeAlias,
    runtime_checkable,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Pixels: TypeAlias = "NDArray[np.uint8]"
"""`(height, width, 3)` RGB of the stored frame, at its full size."""

ImageInput = Literal["pixels", "jpeg", "none"]
"""pixels: `Pixels`; jpeg: the bytes of an image file whose EXIF asks for no turn; none: nothing."""


TRAINER_MAX_PIXELS = 768 * 768
"""Area that PaddleFormers' trainer shrinks larger images to before the model's own processor does.

Source: paddleformers 1.2.0, datasets/template/mm_plugin.py: `image_max_pixels` of the Qwen2-VL and
Qwen3-VL plugins.
"""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question about one image.

    Attributes:
        id: of the record; a replay finds its answer by it.
        text: of the user, without a placeholder for the image, which stands in front.
        system: text of the system message, or None for none.
        image: as the backend's `image_input` says; None for "none".
    """

    id: str
    text: str
    system: str | None
    image: "Pixels | bytes | None"


class Token(NamedTuple):
    """A token of an answer; the texts of all tokens together are the answer's text."""

    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What a backend said.

    Attributes:
        text: special tokens included, without the end token and what follows it.
        finish: "stop" where the model ended it, "length" where the limit did.
        num_tokens: of the answer, end token included; None where nobody counted.
        tokens: with natural logarithms of their probabilities, where they were asked for.
        error: what kept the backend from answering this prompt; the text is empty then.
    """

    text: str
    finish: Literal["stop", "length"] = "stop"
    num_tokens: int | None = None
    tokens: tuple[Token, ...] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """How answers are made; picklable, and the same for every actor of a run.

    Attributes:
        checkpoint: folder, fsspec URL or model name; for a replay the jsonl file; for a server the
            name of the model that it serves.
        server: URL of the endpoint; None where the backend has none.
        max_new_tokens: limit of an answer.
        max_pixels: area that larger images are shrunk to before the model sees them; None leaves
            that to the model's own processor.
        logprobs: whether answers carry their tokens.
    """

    checkpoint: str
    server: str | None = None
    max_new_tokens: int = 1024
    max_pixels: int | None = None
    logprobs: bool = False


@runtime_checkable
class Backend(Protocol):
    """A loaded model, or a way to one. The class is made with `Settings`, which loads it.

    Attributes:
        name: as typed after `--backend`.
        image_input: what it wants of an image.
        batch_size: what `--batch-size auto` means.
        max_batch_size: prompts that it can answer together, None for no limit.
        has_logprobs: whether it can give the tokens of its answers.
        device: "gpu", "cpu", or "remote" where that is another process's business.
    """

    name: ClassVar[str]
    image_input: ClassVar[ImageInput]
    batch_size: ClassVar[int]
    max_batch_size: ClassVar[int | None]
    has_logprobs: ClassVar[bool]
    device: str

    def __init__(self, settings: Settings) -> None:
        """Loads what answers.

        Raises:
            ModelError: it cannot be loaded.
        """
        ...

    @classmethod
    def check(cls, settings: Settings) -> None:
        """Looks, without loading anything, whether the settings can work: called before actors are.

        Raises:
            ModelError: what is wrong, and what would be right.
        """
        ...

    def answer(self, prompts: Sequence[Prompt]) -> list[Answer]:
        """Answers in the order of the prompts; called by one thread at a time.

        What keeps one prompt from being answered is that answer's `error`; no prompt changes
        another's answer.

        Raises:
            OutOfMemoryError: the batch is too large for the device; it can be asked again in parts.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """What the answers depend on, as JSON-like values without paths: for manifests."""
        ...
