"""The built-in formats: their exact texts, and the checks that every format passes."""

import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from groundray.formats import get_format
from groundray.formats.conformance import Conformance
from groundray.formats.families import ernie_4_5_vl, glm_4_5v, qwen3_vl, qwen3_vl_json
from groundray.formats.issues import ISSUES
from groundray.formats.trainer import trained_text

MODULES = {
    "ernie-4.5-vl": ernie_4_5_vl,
    "glm-4.5v": glm_4_5v,
    "qwen3-vl": qwen3_vl,
    "qwen3-vl-json": qwen3_vl_json,
}
BOWL = [228, 320, 961, 970]
CUP = [1, 2, 3, 4]


class TestErnie45VL(Conformance):
    name = "ernie-4.5-vl"


class TestGlm45V(Conformance):
    name = "glm-4.5v"


class TestQwen3VL(Conformance):
    name = "qwen3-vl"


class TestQwen3VLJson(Conformance):
    name = "qwen3-vl-json"


EXACT = {
    "ernie-4.5-vl": (
        '[{"bbox_2d": [228, 320, 961, 970], "label": "bowl"}, '
        '{"bbox_2d": [1, 2, 3, 4], "label": "空桌子"}]'
    ),
    "glm-4.5v": (
        '<|begin_of_box|>[{"label": "bowl", "bbox_2d": [228, 320, 961, 970]}, '
        '{"label": "空桌子", "bbox_2d": [1, 2, 3, 4]}]<|end_of_box|>'
    ),
    "qwen3-vl": (
        "<|object_ref_start|>bowl<|object_ref_end|><|box_start|>(228,320),(961,970)<|box_end|>"
        ", <|object_ref_start|>空桌子<|object_ref_end|><|box_start|>(1,2),(3,4)<|box_end|>"
    ),
    "qwen3-vl-json": (
        '```json\n[\n\t{"bbox_2d": [228, 320, 961, 970], "label": "bowl"},\n'
        '\t{"bbox_2d": [1, 2, 3, 4], "label": "空桌子"}\n]\n```'
    ),
}


@pytest.mark.parametrize(("name", "expected"), EXACT.items())
def test_detection_text_is_exact(name: str, expected: str) -> None:
    rendered = get_format(name).render(
        "detection", expression=None, categories=["bowl", "空桌子"], wire=[BOWL, CUP]
    )
    assert trained_text(rendered) == expected


def test_qwen3_vl_gives_the_trainer_placeholders_and_what_fills_them() -> None:
    rendered = get_format("qwen3-vl").render(
        "detection", expression=None, categories=["bowl", "cup"], wire=[BOWL, CUP]
    )
    assert rendered.assistant == "<ref-object><bbox>, <ref-object><bbox>"
    assert rendered.objects == {"ref": ["bowl", "cup"], "bbox": [BOWL, CUP]}


@pytest.mark.parametrize("count", [1, 63, 64, 200])
def test_qwen3_vl_has_a_placeholder_pair_an_object(count: int) -> None:
    rendered = get_format("qwen3-vl").render(
        "detection", expression=None, categories=["cat"] * count, wire=[CUP] * count
    )
    assert rendered.assistant.split(", ") == ["<ref-object><bbox>"] * count


def test_glm_answers_an_expression_without_labels() -> None:
    rendered = get_format("glm-4.5v").render(
        "grounding", expression="the bowl", categories=["the bowl"] * 2, wire=[BOWL, CUP]
    )
    assert rendered.assistant == "<|begin_of_box|>[[228,320,961,970],[1,2,3,4]]<|end_of_box|>"


@pytest.mark.parametrize("name", MODULES)
def test_the_worked_box_is_encoded_as_in_the_facts(name: str) -> None:
    box = np.array([[146.0, 137, 615, 415]])
    assert get_format(name).encode(box, np.array([[640.0, 428]])).tolist() == [BOWL]


@pytest.mark.parametrize(("name", "module"), MODULES.items())
def test_the_module_shows_a_line_that_it_writes_and_its_source(
    name: str, module: ModuleType
) -> None:
    rendered = get_format(name).render(
        "detection", expression=None, categories=["bowl"], wire=[BOWL]
    )
    assert module.__doc__ is not None
    assert rendered.assistant.expandtabs() in module.__doc__
    assert trained_text(rendered).expandtabs() in module.__doc__
    assert "\nSource: " in module.__doc__


@pytest.mark.parametrize("name", MODULES)
def test_prompts_hold_no_braces_but_their_own(name: str) -> None:
    for prompt in get_format(name).prompts.values():
        assert set(re.findall(r"\{\w*\}|[{}]", prompt)) <= {"{classes}", "{expression}"}


def test_the_prompts_of_the_grounding_practice() -> None:
    qwen3_vl_format = get_format("qwen3-vl")
    assert qwen3_vl_format.system == "You are a helpful assistant."
    assert qwen3_vl_format.prompts["detection"] == "Task: Object Detection"


def test_the_docs_explain_every_issue() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `(\w+)` \| (.*) \|$", docs, re.MULTILINE)
    assert dict(shown) == dict(ISSUES)
