"""Families that write boxes as JSON, between tags, or in brackets: exact texts, and checks."""

from types import ModuleType

import numpy as np
import pytest

from groundray.formats import FORMATS, Task, format_names, get_format
from groundray.formats.conformance import Conformance
from groundray.formats.families import (
    cogvlm,
    doubao,
    gemini,
    glm_4_1v,
    internvl,
    minicpm_v,
    qwen2_5_vl,
    qwen2_vl,
    qwen3_5_vl,
    shikra,
)
from groundray.formats.trainer import trained_text
from tests.formats.golden_cases import (
    GoldenCase,
    Written,
    golden_cases,
    model_outputs,
    title,
    written_cases,
)

MODULES = {
    "cogvlm": cogvlm,
    "doubao": doubao,
    "gemini": gemini,
    "glm-4.1v": glm_4_1v,
    "internvl": internvl,
    "minicpm-v": minicpm_v,
    "qwen2-vl": qwen2_vl,
    "qwen2.5-vl": qwen2_5_vl,
    "qwen3.5-vl": qwen3_5_vl,
    "shikra": shikra,
}
JSON_FORMATS = ("doubao", "gemini", "glm-4.1v", "qwen2.5-vl", "qwen3.5-vl")
OUTPUTS = {"internvl": "internvl", "minicpm-v": "minicpm_v", "gemini": "gemini", "shikra": "shikra"}

# On the grids of a thousand; the numbers of other spaces are these, spelled their way.
BOXES = [[228, 320, 961, 970], [1, 2, 3, 4], [5, 6, 7, 8]]
LABELS = ["bowl", "bowl", "空桌子"]


class TestCogVLM(Conformance):
    name = "cogvlm"


class TestDoubao(Conformance):
    name = "doubao"


class TestGemini(Conformance):
    name = "gemini"


class TestGlm41V(Conformance):
    name = "glm-4.1v"


class TestInternVL(Conformance):
    name = "internvl"


class TestMiniCPMV(Conformance):
    name = "minicpm-v"


class TestQwen2VL(Conformance):
    name = "qwen2-vl"


class TestQwen25VL(Conformance):
    name = "qwen2.5-vl"


class TestQwen35VL(Conformance):
    name = "qwen3.5-vl"


class TestShikra(Conformance):
    name = "shikra"


def wire_of(name: str) -> list[list[float]]:
    if name == "shikra":
        return [[number / 1000 for number in box] for box in BOXES]
    if name == "gemini":
        return [[y1, x1, y2, x2] for x1, y1, x2, y2 in BOXES]
    return [list(box) for box in BOXES]


def trained(name: str, kind: str) -> str:
    count = {"detection": 3, "grounding": 1, "nothing": 0}[kind]
    task: Task = "grounding" if kind == "grounding" else "detection"
    rendered = get_format(name).render(
        task,
        expression="the bowl in front" if task == "grounding" else None,
        categories=LABELS[:count],
        wire=wire_of(name)[:count],
    )
    return trained_text(rendered)


@pytest.mark.parametrize("case", [*written_cases("written")], ids=title)
def test_what_is_written_is_exact(case: Written) -> None:
    assert trained(case.name, case.kind) == case.text


def test_every_family_has_all_three_texts() -> None:
    written = {(case.name, case.kind) for case in written_cases("written")}
    assert written == {
        (name, kind) for name in MODULES for kind in ("detection", "grounding", "nothing")
    }


@pytest.mark.parametrize(
    ("name", "case"),
    [
        (name, case)
        for name in ("cogvlm", "doubao", "gemini", "glm-4.1v", "internvl", "minicpm-v", "shikra")
        for case in golden_cases(name)
    ],
    ids=title,
)
def test_answers_are_read_as_a_person_would(name: str, case: GoldenCase) -> None:
    assert get_format(name).parse(case.text) == case.answer


@pytest.mark.parametrize(
    ("name", "case"),
    [(name, case) for name, grammar in OUTPUTS.items() for case in model_outputs(grammar)],
    ids=title,
)
def test_collected_outputs_are_read_as_a_person_would(name: str, case: GoldenCase) -> None:
    assert get_format(name).parse(case.text) == case.answer


@pytest.mark.parametrize("case", [*golden_cases("json"), *model_outputs("json")], ids=title)
@pytest.mark.parametrize("name", JSON_FORMATS)
def test_json_answers_are_read_as_a_person_would(name: str, case: GoldenCase) -> None:
    assert get_format(name).parse(case.text) == case.answer


@pytest.mark.parametrize(
    "case", [*golden_cases("placeholders"), *model_outputs("qwen_tags")], ids=title
)
def test_qwen2_vl_reads_what_qwen3_vl_reads(case: GoldenCase) -> None:
    assert get_format("qwen2-vl").parse(case.text) == case.answer


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cogvlm", [228, 320, 961, 970]),
        ("doubao", [228, 320, 961, 970]),
        ("gemini", [320, 228, 970, 961]),
        ("glm-4.1v", [228, 320, 961, 970]),
        ("internvl", [228, 320, 961, 970]),
        ("minicpm-v", [228, 320, 961, 970]),
        ("qwen2-vl", [228, 320, 961, 970]),
        ("qwen2.5-vl", [147, 134, 619, 407]),
        ("qwen3.5-vl", [228, 320, 961, 970]),
        # 428 pixels of height stand in the middle of 640: (137 + 106) / 640, (415 + 106) / 640
        ("shikra", [0.228, 0.380, 0.961, 0.814]),
    ],
)
def test_the_worked_box(name: str, expected: list[float]) -> None:
    box = np.array([[146.0, 137, 615, 415]])
    assert get_format(name).encode(box, np.array([[640.0, 428]])).tolist() == [expected]


@pytest.mark.parametrize("name", ["cogvlm", "doubao"])
def test_the_last_thousandth_is_never_written(name: str) -> None:
    wire = get_format(name).encode(np.array([[0.0, 0, 640, 480]]), np.array([[640.0, 480]]))
    assert wire.tolist() == [[0, 0, 999, 999]]


@pytest.mark.parametrize(("name", "module"), MODULES.items())
def test_the_module_shows_a_line_that_it_writes_and_its_source(
    name: str, module: ModuleType
) -> None:
    format_ = get_format(name)
    wire = format_.encode(np.array([[146.0, 137, 615, 415]]), np.array([[640.0, 428]])).tolist()
    rendered = format_.render("detection", expression=None, categories=["bowl"], wire=wire)
    assert module.__doc__ is not None
    assert rendered.assistant.expandtabs() in module.__doc__
    assert trained_text(rendered).expandtabs() in module.__doc__
    assert "\nSource: " in module.__doc__


def test_every_built_in_format_says_what_of_it_is_verified() -> None:
    built_in = [name for name in format_names() if FORMATS.origin(name).startswith("groundray ")]
    assert set(MODULES) <= set(built_in)
    for name in built_in:
        confidence = getattr(get_format(name), "confidence", "")
        assert confidence == "verified" or confidence.startswith("unverified: "), name
