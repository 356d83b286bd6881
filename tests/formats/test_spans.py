"""Where the numbers of each object stand in the text, as it was given."""

import re
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundray.formats import ParsedAnswer, get_format
from groundray.formats.trainer import trained_text
from tests.formats.golden_cases import GoldenCase, golden_cases, model_outputs, title
from tests.formats.test_hostile_text import Hostile

NAMES = (  # of each grammar and way of reading one
    *("cogvlm", "doubao", "glm-4.1v", "glm-4.5v", "internvl"),
    *("minicpm-v", "qwen3-vl", "qwen3-vl-json", "shikra"),
)
AROUND = (
    ("", ""),
    ("<think>perhaps [1, 2, 3, 4]</think>\n\n", "<|im_end|>"),
    ("<think>羊\ud83d\udc11</think><answer>It is 1: ", "</answer>"),  # surrogates are replaced
    ("</s><|im_end|>\ufeff", "</s></s>[5, 6, 7, 8]"),
)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def holds(text: str, wire: Sequence[float]) -> bool:
    """Whether the numbers stand in the text, in this order."""
    found: Iterator[float] = (float(number) for number in _NUMBER.findall(text))
    return all(any(float(number) == each for each in found) for number in wire)


def require_spans(text: str, answer: ParsedAnswer) -> None:
    assert len(answer.spans) == len(answer.objects)
    for (start, stop), found in zip(answer.spans, answer.objects, strict=True):
        assert holds(text[start:stop], found.wire), (text, text[start:stop], found)


@pytest.mark.parametrize(
    "case",
    [*golden_cases("json"), *golden_cases("placeholders"), *model_outputs("json")],
    ids=title,
)
@pytest.mark.parametrize("name", NAMES)
def test_spans_hold_the_numbers(name: str, case: GoldenCase) -> None:
    require_spans(case.text, get_format(name).parse(case.text))


@given(st.sampled_from(NAMES), Hostile)
def test_spans_hold_the_numbers_of_any_text(name: str, text: str) -> None:
    require_spans(text, get_format(name).parse(text))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("before", "after"), AROUND)
@pytest.mark.parametrize("task", ["detection", "grounding"])
def test_spans_are_of_the_text_as_it_was_given(
    name: str, before: str, after: str, task: str
) -> None:
    wire: list[list[float]] = [[228, 320, 961, 970], [1, 2, 3, 4], [11, 22, 33, 44]]
    if name == "shikra":
        wire = [[number / 1000 for number in box] for box in wire]
    expression = "it" if task == "grounding" else None
    rendered = get_format(name).render(
        "grounding" if task == "grounding" else "detection",
        expression=expression,
        categories=["cat", "dog 7", "cat"],
        wire=wire,
    )
    text = f"{before}{trained_text(rendered)}{after}"
    answer = get_format(name).parse(text)
    require_spans(text, answer)
    assert sorted(list(found.wire) for found in answer.objects) == sorted(wire)
    stops = [stop for _, stop in answer.spans]
    assert all(start >= stop for (start, _), stop in zip(answer.spans[1:], stops, strict=False))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("qwen3-vl-json", '[{"bbox_2d": [ 1, 2, 3, 4 ], "label": "5"}]', "1, 2, 3, 4"),
        ("qwen3-vl-json", '[{"label": "5", "bbox_2d": ["1", "2", "3", "4"]}]', '1", "2", "3", "4'),
        ("qwen3-vl-json", '[{"label": "a", "bbox_2d": "[1, 2, 3, 4]"}]', "1, 2, 3, 4"),
        ("qwen3-vl-json", '[["5 cats", 1, 2.5, 3, 4]]', "1, 2.5, 3, 4"),
        ("qwen3-vl-json", '{"bbox": [[1, 2], [3, 4]]}', "1, 2], [3, 4"),
        ("qwen3-vl-json", '{"x1": 1, "y1": 2, "x2": 3, "y2": 4}', '1, "y1": 2, "x2": 3, "y2": 4'),
        ("glm-4.5v", "<|begin_of_box|>1,2,3,4<|end_of_box|>", "1,2,3,4"),
        ("qwen3-vl", "cat 7(1,2),(3,4)", "1,2),(3,4"),
        ("doubao", '[{"category": "5", "bbox": "<bbox>1 2 3 4</bbox>"}]', "1 2 3 4"),
        ("doubao", "<bbox>1 2 3 4</bbox>", "1 2 3 4"),
        ("minicpm-v", "<ref>5</ref><box>1 2 3 4</box>", "1 2 3 4"),
        ("internvl", "<ref>5</ref><box>[[1, 2, 3, 4]]</box>", "1, 2, 3, 4"),
        ("cogvlm", "5 cats [[001,002,003,004]]", "001,002,003,004"),
        ("qwen3-vl", "<|box_start|>[1, 2, 3, 4]<|box_end|>", "1, 2, 3, 4"),
    ],
)
def test_a_span_is_from_the_first_number_to_the_last(name: str, text: str, expected: str) -> None:
    ((start, stop),) = get_format(name).parse(text).spans
    assert text[start:stop] == expected
