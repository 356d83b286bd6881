"""What models say, and what a careful person reads in it."""

import pytest

from groundray.formats import get_format
from tests.formats.golden_cases import GoldenCase, golden_cases, model_outputs, title

JSON_FORMATS = ("ernie-4.5-vl", "glm-4.5v", "qwen3-vl-json")


@pytest.mark.parametrize("case", [*golden_cases("json"), *model_outputs("json")], ids=title)
@pytest.mark.parametrize("name", JSON_FORMATS)
def test_json_answers_are_read_as_a_person_would(name: str, case: GoldenCase) -> None:
    assert get_format(name).parse(case.text) == case.answer


@pytest.mark.parametrize(
    "case", [*golden_cases("placeholders"), *model_outputs("qwen_tags")], ids=title
)
def test_tagged_answers_are_read_as_a_person_would(case: GoldenCase) -> None:
    assert get_format("qwen3-vl").parse(case.text) == case.answer


@pytest.mark.parametrize("name", [*JSON_FORMATS, "qwen3-vl"])
@pytest.mark.parametrize("text", ["", "  \n", "\ufeff"])
def test_blank_answers_are_no_answers(name: str, text: str) -> None:
    assert get_format(name).parse(text).issues == ("unparsable",)


@pytest.mark.parametrize("name", JSON_FORMATS)
def test_integers_stay_integers_and_fractions_stay_fractions(name: str) -> None:
    answer = get_format(name).parse('[{"bbox_2d": [1, 2.0, "3", "4.5"], "label": "a"}]')
    assert [type(number) for number in answer.objects[0].wire] == [int, float, int, float]
