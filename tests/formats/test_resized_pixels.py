"""Pixels of the resized image, against the official code, written out here from its source."""

import ast
import importlib.util
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundray.formats import get_format
from groundray.formats.declared import DeclaredFormat
from groundray.formats.resized_pixels import ResizedPixels

LIMIT = 16384 * 28 * 28


def smart_resize(height: int, width: int, limit: int = LIMIT) -> tuple[int, int]:
    """QwenLM/Qwen3-VL, qwen-vl-finetune/tools/process_bbox.ipynb; at least one patch, as later."""
    new_height, new_width = round(height / 28) * 28, round(width / 28) * 28
    if new_height * new_width > limit:
        beta = math.sqrt((height * width) / limit)
        return (
            max(28, math.floor(height / beta / 28) * 28),
            max(28, math.floor(width / beta / 28) * 28),
        )
    if new_height * new_width < 56 * 56:
        beta = math.sqrt(56 * 56 / (height * width))
        return math.ceil(height * beta / 28) * 28, math.ceil(width * beta / 28) * 28
    return new_height, new_width


def trained_size(width: int, height: int, area: int = 768 * 768) -> tuple[int, int]:
    """PaddleFormers 1.2.0, mm_plugin.py, Qwen2VLPlugin."""
    if width * height > area:
        factor = math.sqrt(area / (width * height))
        width, height = int(width * factor), int(height * factor)
    if width * height < 32 * 32:
        factor = math.sqrt(32 * 32 / (width * height))
        width, height = int(width * factor), int(height * factor)
    if min(width, height) < 28:
        width, height = max(width, 28), max(height, 28)
    if width / height > 200:
        width = height * 180
    if height / width > 200:
        height = width * 180
    return width, height


def official(
    boxes: list[list[float]], width: int, height: int, *, trained: bool
) -> list[list[int]]:
    """Boxes of one image."""
    seen = trained_size(width, height) if trained else (width, height)
    new_height, new_width = smart_resize(seen[1], seen[0])
    scale_w, scale_h = new_width / width, new_height / height
    return [
        [
            max(0, min(round(x1 * scale_w), new_width - 1)),
            max(0, min(round(y1 * scale_h), new_height - 1)),
            max(0, min(round(x2 * scale_w), new_width - 1)),
            max(0, min(round(y2 * scale_h), new_height - 1)),
        ]
        for x1, y1, x2, y2 in boxes
    ]


@cache
def smart_resize_of_transformers() -> Callable[[int, int, int, int, int], tuple[int, int]]:
    """The function alone, from its file: its module imports more than is installed everywhere."""
    package = importlib.util.find_spec("transformers")
    if package is None or package.submodule_search_locations is None:
        pytest.skip("transformers is not installed")
    file = "models/qwen2_vl/image_processing_qwen2_vl.py"
    tree = ast.parse(Path(package.submodule_search_locations[0], file).read_text("utf-8"))
    found = [node for node in tree.body if getattr(node, "name", "") == "smart_resize"]
    names: dict[str, Any] = {"math": math}
    exec(compile(ast.Module(found, []), file, "exec"), names)  # noqa: S102
    function: Callable[[int, int, int, int, int], tuple[int, int]] = names["smart_resize"]
    return function


def codec(*, trained: bool) -> ResizedPixels:
    return ResizedPixels() if trained else ResizedPixels(max_pixels=None)


@pytest.mark.parametrize("trained", [True, False])
def test_half_a_million_boxes_equal_the_official_lines(trained: bool) -> None:
    """At whole and half pixels, for ties, and anywhere; in images of 1 to 6000 pixels a side."""
    rng = np.random.default_rng(0)
    sizes = np.exp(rng.uniform(0, np.log(6000), (25_000, 2))).astype(np.int64)
    xyxy = rng.random((len(sizes), 20, 4)) * np.tile(sizes, 2)[:, None]
    xyxy[:, :7] = np.rint(xyxy[:, :7])
    xyxy[:, 7:14] = np.rint(xyxy[:, 7:14] * 2) / 2
    wire = codec(trained=trained).encode(
        xyxy.reshape(-1, 4), np.repeat(sizes, 20, axis=0).astype(float)
    )
    for boxes, size, found in zip(
        xyxy.tolist(), sizes.tolist(), wire.reshape(-1, 20, 4).tolist(), strict=True
    ):
        assert found == official(boxes, *size, trained=trained), (boxes, size)


@given(
    st.tuples(*[st.floats(0, 1)] * 4),
    st.integers(1, 20_000),
    st.integers(1, 20_000),
    st.booleans(),
)
def test_any_box_equals_the_official_lines(
    parts: tuple[float, ...], width: int, height: int, trained: bool
) -> None:
    boxes = [[part * side for part, side in zip(parts, (width, height) * 2, strict=True)]]
    wire = codec(trained=trained).encode(
        np.array(boxes), np.array([[width, height]], dtype=np.float64)
    )
    assert wire.tolist() == official(boxes, width, height, trained=trained)


@given(st.integers(28, 20_000), st.integers(28, 20_000))
def test_sizes_equal_those_of_transformers(width: int, height: int) -> None:
    if max(width, height) / min(width, height) > 200:
        return
    expected = smart_resize_of_transformers()(height, width, 28, 3136, LIMIT)
    found = codec(trained=False).resized(np.array([[width, height]], dtype=np.float64))
    assert found[0].tolist() == list(expected[::-1])


@pytest.mark.parametrize(
    ("size", "max_pixels", "expected"),
    [
        ((640, 428), 768 * 768, (644, 420)),  # 640/28 = 22.86, 428/28 = 15.29
        ((640, 428), None, (644, 420)),
        ((42, 70), None, (56, 56)),  # 1.5 and 2.5 patches: halves to even
        ((98, 154), None, (112, 168)),  # 3.5 and 5.5
        ((4000, 3000), None, (4004, 2996)),  # 142.86 and 107.14, within the limit
        ((4000, 3000), 768 * 768, (896, 672)),  # 886x665 at first, 31.64 and 23.75 patches
        ((1000, 1000), 768 * 768, (756, 756)),  # 768 at first, 27.43 patches
    ],
)
def test_sizes_by_hand(
    size: tuple[int, int], max_pixels: int | None, expected: tuple[int, int]
) -> None:
    found = ResizedPixels(max_pixels=max_pixels).resized(np.array([size], dtype=np.float64))
    assert tuple(found[0].tolist()) == expected


def test_the_worked_box_of_the_facts() -> None:
    wire = get_format("qwen2.5-vl").encode(
        np.array([[146.0, 137, 615, 415]]), np.array([[640.0, 428]])
    )
    assert wire.tolist() == [[147, 134, 619, 407]]


@given(st.tuples(*[st.floats(0, 1)] * 4), st.integers(1, 9000), st.integers(1, 9000))
def test_decoding_is_within_half_a_pixel_of_the_resized_image(
    parts: tuple[float, ...], width: int, height: int
) -> None:
    size = np.array([[width, height]], dtype=np.float64)
    box = np.multiply(np.array([parts], dtype=np.float64), np.tile(size, 2))
    space = ResizedPixels()
    resized = space.resized(size)
    step = np.tile(size / resized, 2)
    off = np.abs(space.decode(space.encode(box, size), (width, height)) - box)
    clamped = box / step > np.tile(resized, 2) - 1  # official code writes no higher pixel
    assert np.all(off <= np.where(clamped, 1, 0.5) * step * (1 + 1e-9) + 1e-9)


def test_the_space_follows_who_resizes() -> None:
    qwen = get_format("qwen2.5-vl")
    assert isinstance(qwen, DeclaredFormat)
    box, size = np.array([[0.0, 0, 2000, 1500]]), np.array([[4000.0, 3000]])
    assert qwen.encode(box, size).tolist() == [[0, 0, 448, 336]]
    assert qwen.for_max_pixels(None).encode(box, size).tolist() == [[0, 0, 2002, 1498]]
    assert qwen.for_max_pixels(56 * 56 * 4).encode(box, size).tolist() == [[0, 0, 70, 42]]
    assert qwen.for_max_pixels(768 * 768) == qwen


def test_other_spaces_depend_on_no_resizing() -> None:
    qwen3_vl = get_format("qwen3-vl")
    assert isinstance(qwen3_vl, DeclaredFormat)
    assert qwen3_vl.for_max_pixels(1000) is qwen3_vl
