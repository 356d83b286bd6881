"""Families that write boxes as tokens, tags, patches, points or corners: texts, and checks."""

from types import ModuleType

import numpy as np
import pytest

from groundray.formats import ParsedObject, Task, get_format
from groundray.formats.conformance import Conformance
from groundray.formats.families import (
    deepseek_vl2,
    florence_2,
    kosmos_2,
    molmo,
    paddleocr_vl,
    paligemma,
    rex_omni,
)
from groundray.formats.worked import worked_examples
from tests.formats.golden_cases import (
    GoldenCase,
    Written,
    golden_cases,
    model_outputs,
    title,
    written_cases,
)

MODULES = {
    "deepseek-vl2": deepseek_vl2,
    "florence-2": florence_2,
    "kosmos-2": kosmos_2,
    "molmo": molmo,
    "paddleocr-vl": paddleocr_vl,
    "paligemma": paligemma,
    "rex-omni": rex_omni,
}
OUTPUTS = {"paligemma": "paligemma", "rex-omni": "rex_omni"}
XYXY = np.array([[146.0, 137, 615, 415], [0, 0, 640, 428], [23, 20, 130, 214]])
LABELS = ["bowl", "空桌子", "bowl"]


class TestDeepSeekVL2(Conformance):
    name = "deepseek-vl2"


class TestFlorence2(Conformance):
    name = "florence-2"


class TestKosmos2(Conformance):
    name = "kosmos-2"


class TestMolmo(Conformance):
    name = "molmo"


class TestPaddleOCRVL(Conformance):
    name = "paddleocr-vl"


class TestPaliGemma(Conformance):
    name = "paligemma"


class TestRexOmni(Conformance):
    name = "rex-omni"


def written(name: str, kind: str) -> str:
    task: Task = "grounding" if kind == "grounding" else "detection"
    count = {"detection": 3, "grounding": 1, "nothing": 0}[kind]
    format_ = get_format(name)
    wire = format_.encode(XYXY, np.array([[640.0, 428]] * 3))
    expression = "the bowl in front" if task == "grounding" else None
    return format_.render(
        task,
        expression=expression,
        categories=([expression] if expression else LABELS)[:count],
        wire=wire[:count].tolist(),
    ).assistant


@pytest.mark.parametrize("case", [*written_cases("written_tokens")], ids=title)
def test_what_is_written_is_exact(case: Written) -> None:
    assert written(case.name, case.kind) == case.text


def test_every_task_of_every_family_is_shown() -> None:
    assert {(case.name, case.kind) for case in written_cases("written_tokens")} == {
        (name, kind) for name in MODULES for kind in ("nothing", *get_format(name).prompts)
    }


@pytest.mark.parametrize(
    ("name", "case"), [(name, case) for name in MODULES for case in golden_cases(name)], ids=title
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


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("before", ["", "<think>\n羊\ud83d\udc11 <loc0001></think>\n"])
def test_a_span_holds_the_numbers_of_its_object(name: str, before: str) -> None:
    text = f"{before}{written(name, 'detection')}</s>"
    answer = get_format(name).parse(text)
    assert len(answer.spans) == len(answer.objects) == 3
    for (start, stop), found in zip(answer.spans, answer.objects, strict=True):
        digits = "".join(c if c.isdigit() or c == "." else " " for c in text[start:stop]).split()
        numbers = [float(number) for number in digits if name != "molmo" or "." in number]
        assert numbers == list(found.wire)


@pytest.mark.parametrize(("name", "module"), MODULES.items())
def test_the_module_shows_a_line_that_it_writes_and_its_source(
    name: str, module: ModuleType
) -> None:
    format_ = get_format(name)
    wire = format_.encode(XYXY[:1], np.array([[640.0, 428]])).tolist()
    rendered = format_.render("detection", expression=None, categories=["bowl"], wire=wire)
    assert module.__doc__ is not None
    assert f"\n\n{rendered.assistant}\n" in module.__doc__
    assert "\nSource: " in module.__doc__


@pytest.mark.parametrize("name", MODULES)
def test_what_is_not_verified_is_said(name: str) -> None:
    confidence = getattr(get_format(name), "confidence", "")
    assert confidence == "verified" or confidence.startswith("unverified: ")


def test_a_sign_and_a_point_belong_to_a_number() -> None:
    answer = get_format("deepseek-vl2").parse("<|ref|>a<|/ref|><|det|>[[-1,+2,-.5,.25]]<|/det|>")
    assert answer.objects == (ParsedObject("a", (-1, 2, -0.5, 0.25)),)
    assert answer.spans == ((25, 38),)


@pytest.mark.parametrize("name", ["paligemma", "florence-2", "rex-omni", "paddleocr-vl"])
def test_runaway_tokens_are_reported_as_found(name: str) -> None:
    text = written(name, "grounding" if "grounding" in get_format(name).prompts else "detection")
    head, bracket, _ = text.partition(">")
    answer = get_format(name).parse((text + "\n") * 3 + (head + bracket) * 3)
    assert len(answer.objects) >= 3
    assert answer.issues != ()


def test_paligemma_asks_for_classes_as_it_was_trained() -> None:
    (detection, _) = worked_examples(get_format("paligemma"))
    assert detection.user == "detect bowl ; orange"
