"""One training example looked at closely: its images opened, tokens counted, objects measured."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from groundray.engine.training.example_checks import Problem
from groundray.formats import BoxFormat, Rendered, format_names, get_format
from groundray.formats.errors import ModelError
from groundray.formats.geometry import geometry_of
from groundray.formats.trainer import trained_text
from groundray.models.trainer_reading import ImageSize, TrainerReader, folder_at_hand

if TYPE_CHECKING:
    from groundray.engine.training.train import Training

TRAINER_AREA = 768 * 768
"""What the trainer's plugins for Qwen and GLM shrink an image to, pixels, before the processor."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What a close look found.

    Attributes:
        num_tokens: of the sequence; None where there is nothing to count with.
        sides_px: shorter side of each object, in the image that the model sees.
        labels: of the objects.
        urls: images that were not fetched.
    """

    num_tokens: int | None = None
    sides_px: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    urls: int = 0


class ExampleReader:
    """Looks at examples with the trainer's own tokenizer and processor where they are at hand."""

    def __init__(self, format_: BoxFormat | None, trainer: TrainerReader | None) -> None:
        self._format = format_
        self._trainer = trainer

    @classmethod
    def of(cls, training: "Training") -> tuple["ExampleReader", list[str]]:
        """The reader for a training, and what it cannot look at, in words."""
        notes = []
        name = training.data.format_name
        format_ = get_format(name) if name in format_names() else None
        if format_ is None:
            notes.append(f"objects were not measured: {name!r} is no format that is installed")
        elif geometry_of(format_) == "point":
            format_ = None
        model = str(training.settings.values["model_name_or_path"])
        folder = folder_at_hand(model)
        trainer = None
        if folder is None:
            notes.append(f"tokens were not counted: {model!r} is not on this machine yet")
        else:
            try:
                template = training.settings.values.get("template")
                trainer = TrainerReader(folder, str(template))
            except ModelError as error:
                notes.append(f"tokens were not counted: {error}")
        return cls(format_, trainer), notes

    def missing_images(self, example: Mapping[str, Any], shard: Path) -> Iterator[Problem]:
        """Images that are not there; the trainer leaves such an example out."""
        for image in example.get("images", ()):
            if not _is_url(image) and not (shard.parent / image).is_file():
                yield Problem("missing_image", f"no image {str(shard.parent / image)!r}")

    def examine(
        self, example: Mapping[str, Any], shard: Path, add: Callable[[Problem], None]
    ) -> Examined:
        """Looks closely.

        Args:
            example: without the problems that its text tells.
            shard: file that it stands in; its images are found from there.
            add: told of what is wrong.
        """
        sizes: list[ImageSize] = []
        urls = 0
        for image in example.get("images", ()):
            if _is_url(image):
                urls += 1
                size = (int(example.get("width") or 0), int(example.get("height") or 0))
            else:
                size = _decoded_size(shard.parent / image, example, add)
            sizes.append(size)
        if not sizes or not all(min(size) > 0 for size in sizes):
            return Examined(urls=urls)
        num_tokens, seen = None, _shrunk(sizes[0])
        if self._trainer is not None:
            try:
                reading = self._trainer.read(example["messages"], example.get("objects", {}), sizes)
                num_tokens, seen = reading.num_tokens, reading.seen[0]
            except ModelError as error:
                add(Problem("reader_fails", str(error)))
        sides, labels = self._objects(example, sizes[0], seen)
        return Examined(num_tokens, sides, labels, urls)

    def _objects(
        self, example: Mapping[str, Any], size: ImageSize, seen: ImageSize
    ) -> tuple[tuple[float, ...], tuple[str, ...]]:
        """Shorter sides, pixels of what the model sees, and labels, from the text to be trained."""
        if self._format is None:
            return (), ()
        answer = example["messages"][-1]["content"]
        parsed = self._format.parse(trained_text(Rendered(answer, example.get("objects"))))
        labels = tuple(found.category or "" for found in parsed.objects)
        if not parsed.objects:
            return (), ()
        wire = np.array([found.wire for found in parsed.objects], dtype=np.float64)
        xyxy = self._format.decode(wire, size)
        scale = np.array(seen, dtype=np.float64) / np.array(size, dtype=np.float64)
        sides = (xyxy[:, 2:] - xyxy[:, :2]) * scale
        return tuple(sides.min(axis=1).tolist()), labels


def _decoded_size(
    image: Path, example: Mapping[str, Any], add: Callable[[Problem], None]
) -> ImageSize:
    """Width and height of an image that decodes; (0, 0) of one that does not."""
    from PIL import Image

    try:
        with Image.open(image) as opened:
            opened.load()
            size: ImageSize = opened.size
    except FileNotFoundError:
        return 0, 0  # met already
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        add(Problem("broken_image", f"image {str(image)!r} does not open: {error}"))
        return 0, 0
    said = (example.get("width"), example.get("height"))
    if None not in said and said != size and len(example["images"]) == 1:
        add(
            Problem(
                "size_unlike_image",
                f"width and height are {said[0]} x {said[1]}, the image has {size[0]} x {size[1]}",
            )
        )
    return size


def _shrunk(size: ImageSize) -> ImageSize:
    """What the trainer leaves of a size, where the processor is not at hand to say more."""
    area = size[0] * size[1]
    factor = min(1.0, math.sqrt(TRAINER_AREA / area))
    return max(1, int(size[0] * factor)), max(1, int(size[1] * factor))


def _is_url(image: str) -> bool:
    return image.startswith(("http://", "https://"))
