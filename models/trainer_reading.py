"""How long an example is for the trainer: its own template, plugins, tokenizer and image processor.

Source: PaddleFormers 1.2.0, paddleformers/datasets/SFTDataset.py (`_process_sft_sequence`), whose
arithmetic this follows; a test runs both on the same examples.
"""

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from groundray.formats.errors import ModelError
from groundray.models.checkpoints import is_model_name, view
from groundray.models.paddle_import import import_paddle

ImageSize = tuple[int, int]


class Reading(NamedTuple):
    """What the trainer makes of an example.

    Attributes:
        num_tokens: of the whole sequence; above `max_seq_len` it is left out.
        seen: (width, height) in which the model sees each image, pixels.
    """

    num_tokens: int
    seen: tuple[ImageSize, ...]


class TrainerReader:
    """Reads examples as the trainer does, but looks at the size of an image, not at its pixels.

    How many tokens an image takes depends on its size alone, so each size is put through the
    trainer's plugin and the image processor once.
    """

    def __init__(self, folder: Path, template: str) -> None:
        """Loads the tokenizer and the processor of a checkpoint.

        Args:
            folder: of the checkpoint; nothing is written there.
            template: the trainer's setting.

        Raises:
            ModelError: Paddle is missing, or the folder holds no processor.
        """
        import_paddle()
        with _quiet(folder), view(folder) as place:
            from paddleformers.datasets.template.template import get_template_and_fix_tokenizer
            from paddleformers.transformers import AutoProcessor, AutoTokenizer

            self._tokenizer = AutoTokenizer.from_pretrained(str(place))
            self._processor = AutoProcessor.from_pretrained(str(place))
            options = {
                "tokenizer": self._tokenizer,
                "template": template,
                "tool_format": None,
                "default_system": None,
            }
            self._template = get_template_and_fix_tokenizer(options)
        self._plugin = copy.copy(self._template.mm_plugin)
        self._plugin._img_download = lambda image: image  # noqa: SLF001  images come as images
        self._ends = self._num_tokens(self._template.suffix[-1])
        self._grids: dict[ImageSize, Any] = {}

    def read(
        self, messages: Sequence[Mapping[str, str]], objects: Any, images: Sequence[ImageSize]
    ) -> Reading:
        """Counts the tokens of one example.

        Args:
            messages: of the example, the system's among them.
            objects: of the example; fills its placeholders.
            images: (width, height) of each image, pixels.

        Raises:
            ModelError: the trainer's own code fails on it.
        """
        try:
            return self._read([dict(message) for message in messages], objects, images)
        except (ValueError, TypeError, KeyError, IndexError, RuntimeError) as error:
            raise ModelError(f"the trainer's reader fails: {error}") from error

    def _read(
        self, messages: list[dict[str, str]], objects: Any, images: Sequence[ImageSize]
    ) -> Reading:
        system = messages.pop(0)["content"] if "system" in messages[0]["role"] else ""
        filled = self._template.grounding_plugin.process_messages(messages, copy.deepcopy(objects))
        grids = [self._grid(size) for size in images]
        expanded = self._plugin.process_messages(
            filled, [None] * len(images), [], [], {"image_grid_thw": grids}, self._processor
        )
        pairs = self._template.encode_multiturn(self._tokenizer, expanded, system, None)
        num_tokens = sum(len(source) + len(target) for source, target in pairs)
        if self._template.efficient_eos:
            num_tokens += self._ends
        patch = self._processor.image_processor.patch_size
        seen = tuple((int(grid[2]) * patch, int(grid[1]) * patch) for grid in grids)
        return Reading(num_tokens, seen)

    def _grid(self, size: ImageSize) -> Any:
        if size not in self._grids:
            from PIL import Image

            with _silence():
                inputs = self._plugin.get_mm_inputs(
                    [Image.new("RGB", size)], [], [], self._processor, imglens=[1]
                )
            self._grids[size] = inputs["image_grid_thw"][0].numpy()
        return self._grids[size]

    def _num_tokens(self, text: str) -> int:
        return len(self._tokenizer.convert_tokens_to_ids(self._tokenizer.tokenize(text)))


def folder_at_hand(model: str) -> Path | None:
    """The folder that a model's tokenizer and processor can be read from now; fetches nothing."""
    if not is_model_name(model):
        return Path(model)
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    found = try_to_load_from_cache(model, "tokenizer_config.json")
    return Path(found).parent if isinstance(found, str) else None


@contextmanager
def _quiet(folder: Path) -> Iterator[None]:
    try:
        with _silence():
            yield
    except Exception as error:
        raise ModelError(
            f"{str(folder)!r} has no tokenizer and processor that the trainer can read: "
            f"{type(error).__name__}: {error}"
        ) from error


@contextmanager
def _silence() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
