"""What must hold of everything else that is read: files that people, models and programs wrote."""

import io
import json
import math
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from unicodedata import normalize

from PIL import Image, UnidentifiedImageError

from groundray.engine import jpeg
from groundray.engine.evaluation.coco_files import read_detections, read_truth
from groundray.engine.evaluation.prediction_pairs import build_pairs
from groundray.engine.images import read_image_size
from groundray.engine.shards import MAX_NAME_BYTES, file_stem
from groundray.engine.sources.declared import read_declared
from groundray.formats.errors import FormatError, ImageError, LayoutError, ModelError, SourceError
from groundray.formats.toml_format import read_toml_format
from groundray.models.answer_lines import answer_of, id_of, parse_line
from groundray.models.recipes.recipe import read_yaml_recipe, without_keys
from groundray.models.trainer_arguments import typed
from tests.fuzz.tables import image_pages, jpegs, layout_of_schema
from tests.fuzz.texts import MARKS, NUMBERS, WORDS, any_text, mutated

_FORMATS = {
    "json": """kind = "json"\nitem = '{"name": {label}, "box": {box}}'""",
    "paired_tags": 'kind = "paired_tags"\nlabel_tags = ["<a>", "</a>"]\nbox_tags = ["<b>", "</b>"]',
    "token_run": 'kind = "token_run"\ntoken = "<loc%04d>"',
    "placeholders": 'kind = "placeholders"',
    "bracket_prose": 'kind = "bracket_prose"',
    "point_tags": 'kind = "point_tags"',
}
_CODECS = (
    *('kind = "grid"', 'kind = "bins"\ncount = 100', 'kind = "corners"', 'kind = "patch_pairs"'),
    *('kind = "percent_points"', 'kind = "resized_pixels"\nfactor = 32', 'kind = "unit_decimals"'),
)
_LAYOUT = """
image = "image"
id = "image_id"
boxes = "objects.bbox"
order = "xywh"
space = "pixels"
category = "objects.category"
names = ["cat", "dog"]
id_offset = 1
grouped = false
"""
_RECIPE = """
# how it is trained
model_name_or_path: Qwen/Qwen3-VL-8B-Instruct
learning_rate: 1e-5
device: cpu
stages: [1, 2, {a: b}]
tensor_model_parallel_size: 2
lora: &x {rank: 8}
again: *x
when: 2024-01-02
text: |
  more
"""
_TOML_WORDS = (
    *("[", "]", "[[", "]]", "{", "}", "=", '"', '"""', "'", "#", ".", ",", "\n", "true", "kind"),
    *("count", "steps", "factor", "max_pixels", "decimals", "item", "{box}", "{label}", "%d", "%"),
    *("nothing", "name", "inf", "nan", "1979-05-27", "-1", "0", "0.0", "9" * 400, "[" * 2000),
    *("order", "xyxy", "yxyx", "space", "grid", "%s", "%n", "<loc%04d>", "{", "\\u0000", "\\ud800"),
    *(
        "&a",
        "*a",
        "<<: *a",
        "!!python/object:os.system",
        "!!int",
        "? ",
        "- ",
        ": ",
        "|",
        "---",
        "~",
    ),
)


def format_toml(rng: Random) -> None:
    """A TOML file is a format that reads back what it writes, or refused."""
    text = "\n".join(
        (
            'name = "ours"\nsource = "made up"\nnothing = "None"',
            '[prompts]\ndetection = "Find {classes}."\ngrounding = "Find {expression}."',
            f"[codec]\n{rng.choice(_CODECS)}",
            f"[grammar]\n{rng.choice(list(_FORMATS.values()))}",
        )
    )
    try:
        made = read_toml_format(_spoilt(rng, text), "ours.toml")
    except FormatError as error:
        _require_short(error)
        return
    for _ in range(5):
        made.parse(any_text(rng, "qwen3-vl", ("glm-4.5v", "molmo", "florence-2")))


def layout_toml(rng: Random) -> None:
    """A TOML file declares a layout, or is refused."""
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(_spoilt(rng, _LAYOUT))
        file.flush()
        try:
            read_declared(file.name)
        except LayoutError as error:
            _require_short(error)


def recipe_yaml(rng: Random) -> None:
    """A YAML file is a recipe, or refused."""
    try:
        recipe = read_yaml_recipe(_spoilt(rng, _RECIPE), "ours.yaml")
    except ModelError as error:
        _require_short(error)
        return
    typed(recipe.settings)
    without_keys(recipe.yaml, frozenset({"learning_rate"}))


def jpeg_header(rng: Random) -> None:
    """What our own reader says of a JPEG is what Pillow says."""
    data = bytearray(rng.choice(jpegs()))
    for _ in range(rng.choice((0, 1, 1, 2, 4, 16))):
        at = rng.randrange(len(data)) if rng.random() < 0.3 else rng.randrange(min(len(data), 700))
        change = rng.random()
        if change < 0.6:
            data[at] = rng.choice(
                (0, 1, 2, 6, 8, 0xFF, 0xD8, 0xD9, 0xDA, 0xC0, 0xE1, rng.randrange(256))
            )
        elif change < 0.8:
            del data[at : at + rng.choice((1, 2, 10, 400))]
        else:
            data[at:at] = rng.randbytes(rng.choice((1, 2, 10)))
        if not data:
            return
    try:
        size, orientation = read_image_size(bytes(data))
        header = jpeg.read_header(memoryview(data))
    except ImageError:
        return
    if header is None:
        return
    Image.init()
    warnings.simplefilter("ignore")  # campaign.case restores it
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            assert image.size == size, (bytes(data), image.size, size)
            assert 1 <= orientation <= 8, (bytes(data), orientation)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return  # a header that Pillow gives up on: the trainer will say so


def image_name(rng: Random) -> None:
    """Keys become names of files that lie in their folder, on any disk."""
    key = "".join(
        rng.choice((*MARKS, *WORDS, *NUMBERS, "..", "/", "\\", "a", "A", "é", "e\u0301", "." * 300))
        for _ in range(rng.randint(1, 6))
    )
    stem = file_stem(key)
    assert stem, key
    assert stem.isascii(), key
    assert stem.isprintable(), key
    assert not set(stem) & set('/\\:*?"<>| '), key
    assert stem.strip("."), key
    assert len(stem) <= MAX_NAME_BYTES, key
    assert normalize("NFD", stem) == stem, key


def coco_truth(rng: Random) -> None:
    """A JSON file is COCO's annotations, or refused."""
    truth: dict[str, Any] = {
        "images": [{"id": i, "file_name": f"{i}.jpg", "width": 9, "height": 9} for i in range(3)],
        "categories": [{"id": i, "name": f"c{i}"} for i in (1, 5)],
        "annotations": [
            {"id": i, "image_id": i % 3, "category_id": 5, "bbox": [1, 2, 3, 4], "area": 12}
            for i in range(5)
        ],
    }
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "truth.json")
        place.write_bytes(_json(_spoilt_value(rng, truth)))
        try:
            read_truth(str(place))
        except SourceError as error:
            _require_short(error)


def coco_results(rng: Random) -> None:
    """A JSON file is COCO's results, or refused."""
    results: list[Any] = [
        {"image_id": i % 3, "category_id": 5, "bbox": [1, 2, 3, 4], "score": 0.5} for i in range(5)
    ]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "results.json")
        place.write_bytes(_json(_spoilt_value(rng, results)))
        try:
            for pairs in read_detections(str(place), _truth()):
                assert len(pairs.prediction_xyxy) == len(pairs.prediction_score)
        except SourceError as error:
            _require_short(error)


def prediction_line(rng: Random) -> None:
    """A line is a prediction, or refused."""
    line: Any = {
        "id": "1",
        "image": "a.jpg",
        "width": 9,
        "height": 9,
        "query": None,
        "targets": [{"category": "cat", "xyxy": [1, 2, 3, 4], "area": 4, "iscrowd": False}],
        "predictions": [
            {"category": "cat", "xyxy": [1, 2, 3, 4], "score": 0.5, "wire": [1, 2, 3, 4]}
        ],
        "text": "cat",
        "issues": [],
        "error": None,
    }
    for _ in range(rng.randint(1, 3)):
        line = _spoilt_value(rng, line)
    try:
        build_pairs([_json(line)], ("cat",), place="a.jsonl", first=1)
    except SourceError as error:
        _require_short(error)


def answer_line(rng: Random) -> None:
    """A line is an answer of another system, or refused."""
    text = any_text(rng, "qwen3-vl-json", ("glm-4.5v",)).encode("utf-8", "replace").decode()
    line: Any = rng.choice(
        (
            {"id": "17", "text": text, "tokens": [["a", -0.5], ["b", -1]], "finish": "length"},
            {
                "custom_id": "17",
                "response": {
                    "status_code": 200,
                    "body": {
                        "choices": [
                            {
                                "message": {"content": text},
                                "finish_reason": "stop",
                                "logprobs": {"content": [{"token": text, "logprob": -1.0}]},
                            }
                        ],
                        "usage": {"completion_tokens": 5},
                    },
                },
            },
        )
    )
    for _ in range(rng.randint(0, 3)):
        line = _spoilt_value(rng, line)
    data = _json(line)
    if rng.random() < 0.3:
        data = _flipped(rng, data)
    try:
        value = parse_line(data)
        id_of(value)
        answer = answer_of(value)
    except ValueError as error:
        _require_short(error)
        return
    answer.text.encode()


FILES: dict[str, Callable[[Random], None]] = {
    "answer.jsonl": answer_line,
    "coco-results.json": coco_results,
    "coco-truth.json": coco_truth,
    "format.toml": format_toml,
    "image-name": image_name,
    "jpeg-header": jpeg_header,
    "layout.toml": layout_toml,
    "prediction.jsonl": prediction_line,
    "recipe.yaml": recipe_yaml,
    "schema": layout_of_schema,
    "pages": image_pages,
}
"""What is fuzzed beside the parsers of formats."""


def _require_short(error: Exception) -> None:
    """A message that a person can read: one line, and not the whole file."""
    assert str(error), repr(error)
    assert len(str(error)) < 5_000, str(error)[:200]


def _spoilt(rng: Random, text: str) -> bytes:
    """A file with some things wrong with it."""
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        if rng.random() < 0.6:
            start = rng.randint(0, len(text))
            stop = min(len(text), start + rng.choice((0, 1, 5, 20)))
            text = text[:start] + rng.choice(_TOML_WORDS) + text[stop:]
        else:
            text = mutated(rng, text, "qwen3-vl-json")
    data = text.encode("utf-8", "surrogatepass")
    return _flipped(rng, data) if rng.random() < 0.1 else data


def _flipped(rng: Random, data: bytes) -> bytes:
    spoilt = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if spoilt:
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
    return bytes(spoilt)


def _odd_value(rng: Random) -> Any:
    return rng.choice(
        (
            *(None, True, 0, -1, 1.5, 1e400, math.nan, 2**63, 10**400, "", "cat", "1", [], {}),
            *([1], [[1, 2], [3]], {"id": 1}, "\ud800", "\x00", [None] * 4, "x" * 1000, [1e308] * 4),
        )
    )


def _spoilt_value(rng: Random, value: Any) -> Any:
    """The value with one thing in it changed."""
    if rng.random() < 0.15 or not isinstance(value, dict | list) or not value:
        return _odd_value(rng)
    if isinstance(value, dict):
        key = rng.choice(list(value))
        kind = rng.random()
        if kind < 0.15:
            return {name: each for name, each in value.items() if name != key}
        return {**value, key: _spoilt_value(rng, value[key])}
    at = rng.randrange(len(value))
    kind = rng.random()
    if kind < 0.1:
        return [*value[:at], *value[at + 1 :]]
    if kind < 0.2:
        return [*value, value[at]]
    return [*value[:at], _spoilt_value(rng, value[at]), *value[at + 1 :]]


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


@cache
def _truth() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "truth.json")
        place.write_text(
            json.dumps(
                {
                    "images": [{"id": i} for i in range(3)],
                    "categories": [{"id": 5, "name": "c"}],
                    "annotations": [],
                }
            )
        )
        return read_truth(str(place))
