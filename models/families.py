"""What differs between the model families that PaddleFormers generates with."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from groundray.formats.errors import ModelError


@dataclass(frozen=True, slots=True)
class Family:
    """One family; what all share is code, what differs is here.

    Attributes:
        name: as the formats call it.
        image_part: the part of a chat message that stands for the image.
        one_by_one: whether its processor takes a single prompt.
        pixels: where its image processor keeps the largest area: in `size`, counted once or once
            for each frame that a patch spans, or in the processor's `image_max_pixels`.
        model_normalises: whether the model, not its processor, turns bytes into normal pixels, and
            has to be told how.
        needs_gpu: whether its layers have no kernels for a CPU.
        hands_on_cache: whether `generate` itself hands the keys and values of a step to the next.
    """

    name: str
    image_part: Mapping[str, Any]
    one_by_one: bool = False
    pixels: Literal["size", "size_by_frames", "image_max_pixels"] = "size"
    model_normalises: bool = False
    needs_gpu: bool = False
    hands_on_cache: bool = False


_IMAGE = MappingProxyType({"type": "image"})

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "ernie4_5_moe_vl": Family(
            name="ernie-4.5-vl",
            image_part=MappingProxyType({"type": "image_url", "image_url": {"url": "image"}}),
            one_by_one=True,
            pixels="image_max_pixels",
            model_normalises=True,
            needs_gpu=True,
            hands_on_cache=True,
        ),
        "glm4v_moe": Family(name="glm-4.5v", image_part=_IMAGE, pixels="size_by_frames"),
        "qwen2_5_vl": Family(name="qwen2.5-vl", image_part=_IMAGE),
        "qwen3_vl": Family(name="qwen3-vl", image_part=_IMAGE),
    }
)
"""By `model_type` of config.json."""


def family_of(config: Mapping[str, Any], *, where: str) -> Family:
    """The family that a config.json is of.

    Args:
        config: content of config.json.
        where: the checkpoint, for the message.

    Raises:
        ModelError: it is of none of these.
    """
    model_type = str(config.get("model_type"))
    if model_type not in FAMILIES:
        known = ", ".join(f"{kind} ({family.name})" for kind, family in FAMILIES.items())
        raise ModelError(
            f"checkpoint {where} is of model_type {model_type!r}, which the backend "
            f"'paddleformers' does not answer with (known: {known})"
        )
    return FAMILIES[model_type]


def limit_pixels(processor: Any, family: Family, max_pixels: int | None) -> int:
    """Lowers the area that a processor shrinks images to; never raises it.

    Training ran under the checkpoint's own limit too, so that holds in any case.

    Returns:
        The area that holds now, pixels of an image.
    """
    if family.pixels == "image_max_pixels":
        own: int = processor.image_max_pixels
        processor.image_max_pixels = area = min(own, max_pixels or own)
        return area
    images = processor.image_processor
    frames = images.temporal_patch_size if family.pixels == "size_by_frames" else 1
    own = images.size["longest_edge"] // frames
    area = min(own, max_pixels or own)
    shortest = min(images.size["shortest_edge"], area * frames)
    images.size = {**images.size, "longest_edge": area * frames, "shortest_edge": shortest}
    if getattr(images, "max_pixels", None) is not None:
        images.max_pixels, images.min_pixels = area * frames, shortest
    return area


class Normalisation(NamedTuple):
    """What `add_image_preprocess` of ERNIE's model takes; the names are its own.

    Attributes:
        rescale_factor: from bytes to the unit.
        image_mean_tensor: `(1, 3 * patch_size ** 2)`, a channel after the other, as patches are.
        image_std_tensor: the same.
    """

    rescale_factor: float
    image_mean_tensor: Any
    image_std_tensor: Any


def normalisation(processor: Any, *, patch_size: int) -> Normalisation:
    """That of a checkpoint's image processor."""
    import numpy as np
    import paddle

    images = processor.image_processor
    mean, std = (
        paddle.to_tensor(np.repeat(np.float32(values), patch_size**2)[np.newaxis])
        for values in (images.image_mean, images.image_std)
    )
    return Normalisation(images.rescale_factor, mean, std)
