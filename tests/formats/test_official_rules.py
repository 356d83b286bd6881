"""Numbers of boxes, against the rules of official code, on a million boxes each, ties included.

A rule is written here as its source note says it; where the code itself is installed, it is taken
out of its file, whose package needs torch.
"""

import ast
import importlib.util
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from groundray.formats import get_format

Array = NDArray[np.float64]
COUNT = 1_000_000


@cache
def boxes(count: int) -> tuple[Array, Array]:
    """Boxes and image sizes; a third of the edges are whole pixels, a third lie on ties.

    Every box has an area, and some touch the edges of their image.
    """
    rng = np.random.default_rng(0)
    sizes = rng.integers(2, 5000, (count, 2)).astype(np.float64)
    sizes[::5] = rng.choice([32, 64, 320, 500, 640, 1000, 1023, 1024, 2000], (len(sizes[::5]), 2))
    unit = np.sort(rng.random((count, 2, 2)), axis=1)
    kind = rng.integers(0, 3, (count, 1, 1))
    steps = rng.choice([64, 1000, 1998, 2000, 2046], (count, 1, 1))  # halves of each family's steps
    scale = sizes[:, np.newaxis]
    edges = np.select(
        [kind == 0, kind == 1],
        [unit * scale, np.round(unit * scale)],
        np.round(unit * steps) / steps * scale,
    )
    edges[::7, 0] = 0
    edges[::11, 1] = sizes[::11]
    flat = edges[:, 0] >= edges[:, 1]
    edges[:, 0][flat] = 0
    edges[:, 1][flat] = sizes[flat]
    return edges.reshape(count, 4), sizes


def official(package: str, path: str, *names: str, **given: object) -> list[Any]:
    """Functions and methods of an installed file, without the rest of it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        pytest.skip(f"{package} is not installed")
    file = Path(spec.submodule_search_locations[0], path)
    if not file.exists():
        pytest.skip(f"this {package} has no {path}")
    found = {
        node.name: node
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name in names
    }
    scope: dict[str, Any] = {"math": math, **given}
    for node in found.values():
        node.decorator_list = []
        exec(compile(ast.Module([node], type_ignores=[]), str(file), "exec"), scope)  # noqa: S102
    return [scope[name] for name in names]


def paligemma(xyxy: Array, sizes: Array) -> Array:
    """big_vision: `clip(round(bbox * 1023), 0, 1023)` of y1, x1, y2, x2 as shares, in float32."""
    bbox = (xyxy / np.tile(sizes, 2))[:, [1, 0, 3, 2]].astype(np.float32)
    return np.asarray(np.clip(np.round(bbox * np.float32(1023)), 0, 1023))


def florence_2(xyxy: Array, sizes: Array) -> Array:
    """transformers: `(x / (size_w / bins_w)).floor().clamp(0, bins_w - 1)`."""
    per_bin_w, per_bin_h = sizes[:, 0] / 1000, sizes[:, 1] / 1000
    per_bin = np.stack([per_bin_w, per_bin_h, per_bin_w, per_bin_h], axis=1)
    return np.asarray(np.clip(np.floor(xyxy / per_bin), 0, 999))


def deepseek_vl2(xyxy: Array, sizes: Array) -> Array:
    """Unpublished; ours undoes the published `v / 999 * width`, half to even."""
    return np.asarray(np.clip(np.round(xyxy / np.tile(sizes, 2) * 999), 0, 999))


def rex_omni(xyxy: Array, sizes: Array) -> Array:
    """Rex-Omni: `int(max(0.0, min(1.0, x / width)) * 999)`, which cuts."""
    return np.asarray(np.trunc(np.clip(xyxy / np.tile(sizes, 2), 0.0, 1.0) * 999))


def kosmos_2(xyxy: Array, sizes: Array) -> Array:
    """transformers: floor for the upper left, ceil less one for the lower right."""
    unit = xyxy / np.tile(sizes, 2)
    upper_left, lower_right = np.floor(unit[:, :2] * 32), np.ceil(unit[:, 2:] * 32 - 1)
    return np.stack([corner[:, 1] * 32 + corner[:, 0] for corner in (upper_left, lower_right)], 1)


def molmo(xyxy: Array, sizes: Array) -> Array:
    """olmo: `points /= [w / 100, h / 100]`, and numpy's `round(x, 1)`."""
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    return np.asarray(np.round(centre / (sizes / 100), 1), dtype=np.float64)


def paddleocr_vl(xyxy: Array, sizes: Array) -> Array:
    """Unpublished; ours undoes the published `v / 1000 * width`, half to even."""
    x1, y1, x2, y2 = np.clip(np.round(xyxy / np.tile(sizes, 2) * 1000), 0, 1000).T
    return np.stack([x1, y1, x2, y1, x2, y2, x1, y2], axis=1)


RULES: dict[str, Callable[[Array, Array], Array]] = {
    "deepseek-vl2": deepseek_vl2,
    "florence-2": florence_2,
    "kosmos-2": kosmos_2,
    "molmo": molmo,
    "paddleocr-vl": paddleocr_vl,
    "paligemma": paligemma,
    "rex-omni": rex_omni,
}


@pytest.mark.parametrize(("name", "rule"), RULES.items())
def test_a_million_boxes_are_encoded_as_official_code_does(
    name: str, rule: Callable[[Array, Array], Array]
) -> None:
    xyxy, sizes = boxes(COUNT)
    assert np.array_equal(get_format(name).encode(xyxy, sizes), rule(xyxy, sizes))


DECODED: dict[str, Callable[[Array, Array], Array]] = {
    "deepseek-vl2": lambda wire, size: wire / 999 * np.tile(size, 2),
    "florence-2": lambda wire, size: (wire + 0.5) * (np.tile(size, 2) / 1000),
    "molmo": lambda wire, size: np.tile(wire / 100.0 * size, 2),
    "paddleocr-vl": lambda wire, size: (wire / 1000.0 * np.tile(size, 4))[:, [0, 1, 4, 5]],
    "paligemma": lambda wire, size: (wire / 1023)[:, [1, 0, 3, 2]] * np.tile(size, 2),
    "rex-omni": lambda wire, size: wire / 999.0 * np.tile(size, 2),
}


@pytest.mark.parametrize(("name", "rule"), DECODED.items())
def test_numbers_are_decoded_as_official_code_does(
    name: str, rule: Callable[[Array, Array], Array]
) -> None:
    xyxy, sizes = boxes(COUNT)
    wire = np.asarray(get_format(name).encode(xyxy, sizes))
    for size in ((640, 427), (33, 1999)):
        expected = rule(wire, np.array(size, dtype=np.float64))
        assert np.array_equal(get_format(name).decode(wire, size), expected)


def test_kosmos_2_encodes_as_the_code_in_transformers() -> None:
    (encode,) = official(
        "transformers", "models/kosmos2/processing_kosmos2.py", "coordinate_to_patch_index"
    )
    xyxy, sizes = boxes(200_000)
    unit = (xyxy / np.tile(sizes, 2)).tolist()
    expected = [encode(box, 32) for box in unit]
    assert np.array_equal(get_format("kosmos-2").encode(xyxy, sizes), expected)


def test_kosmos_2_decodes_every_pair_as_the_code_in_transformers() -> None:
    (decode,) = official(
        "transformers", "models/kosmos2/processing_kosmos2.py", "patch_index_to_coordinate"
    )
    first, last = np.divmod(np.arange(1024 * 1024), 1024)
    wire = np.stack([first, last], axis=1)[::5]
    expected = np.array([decode(*pair, 32) for pair in wire.tolist()])
    found = get_format("kosmos-2").decode(wire, (640, 427))
    assert np.array_equal(found, expected * np.tile([640, 427], 2))


class Tensor(np.ndarray[Any, np.dtype[Any]]):
    """What the code of Florence-2 needs of torch."""

    def split(self, _: int, dim: int) -> "list[Tensor]":
        return [column.view(Tensor) for column in np.split(self, self.shape[dim], axis=dim)]

    def floor(self) -> "Tensor":
        return np.floor(self).view(Tensor)

    def clamp(self, low: float, high: float) -> "Tensor":
        return np.clip(self, low, high).view(Tensor)

    def int(self) -> "Tensor":
        return self.astype(np.int64).view(Tensor)


def cat(columns: list[Tensor], dim: int) -> Tensor:
    return np.concatenate(columns, axis=dim).view(Tensor)


def test_florence_2_encodes_and_decodes_as_the_code_in_transformers() -> None:
    quantize, dequantize = official(
        "transformers",
        "models/florence2/processing_florence2.py",
        "quantize",
        "dequantize",
        torch=SimpleNamespace(cat=cat, Tensor=Tensor),
    )
    processor = SimpleNamespace(quantize_bins=(1000, 1000))
    florence = get_format("florence-2")
    xyxy, _ = boxes(100_000)
    for size in ((640, 427), (33, 1999), (1000, 1024)):
        inside = xyxy % np.tile(np.array(size, dtype=np.float64) + 1, 2)
        wire = florence.encode(inside, np.tile(np.array(size, dtype=np.float64), (len(inside), 1)))
        assert np.array_equal(wire, quantize(processor, inside.view(Tensor), size))
        pixels = dequantize(processor, wire.view(Tensor), size)  # cut to whole pixels
        assert np.array_equal(florence.decode(wire, size).astype(np.int64), pixels)


def test_the_worked_box_of_the_facts() -> None:
    box, size = np.array([[146.0, 137, 615, 415]]), np.array([[640.0, 428]])
    wire = {name: get_format(name).encode(box, size).tolist()[0] for name in RULES}
    assert wire["paligemma"] == [327, 233, 992, 983]
    assert wire["florence-2"] == [228, 320, 960, 969]
    assert wire["rex-omni"] == [227, 319, 959, 968]
    assert wire["kosmos-2"] == [327, 1022]


def test_a_box_without_area_ends_in_the_patch_that_it_begins_in() -> None:
    edges = np.array([[20.0, 20, 20, 20], [640, 480, 640, 480], [0, 0, 0, 0]])
    wire = get_format("kosmos-2").encode(edges, np.array([[640.0, 480]] * 3))
    assert wire.tolist() == [[33, 33], [1023, 1023], [0, 0]]
