"""Whatever a model says, parsing never raises and takes linear time."""

import re

import pytest
from hypothesis import strategies as st

from groundray.formats import get_format
from groundray.formats.conformance import require_linear_time

pytestmark = pytest.mark.untraced

PIECES = (
    *("[", "]", "{", "}", "(", ")", "<", ">", ",", ":", ";", '"', "'", "\\", "\n", " ", "`", "```"),
    *(
        "1",
        "-2.5",
        "1e5",
        "9" * 500,
        "NaN",
        "null",
        "None",
        "true",
        "cat",
        "woman's hat",
        "羊",
    ),
    *("\ud800", "\udc00", "\x00", "\ufeff", "\\u7f8a", "\\ud83d", '\\"', "no objects", "json"),
    *('"bbox_2d": ', "'bbox_2d': ", '"label": ', '"cat"', "'cat'", "label: ", '"names": {"en": '),
    *("[1, 2, 3, 4]", "[1, 2, 3]", "(1,2),(3,4)", "<1,2,3,4>", "[[1, 2, 3, 4]]", "{}", "[]"),
    *("<think>", "</think>", "<answer>", "</answer>", "<|im_end|>", "</s>", "<bbox>"),
    *("<|begin_of_box|>", "<|end_of_box|>", "<|object_ref_start|>", "<|object_ref_end|>"),
    *("<|box_start|>", "<|box_end|>", "<|", "|>"),
    *("<ref>", "</ref>", "<box>", "</box>", "1 2 3 4", "</bbox>", '"<bbox>1 2 3 4</bbox>"'),
    *(
        "[[001,002,003,004]]",
        "[[001,",
        ";",
        "[0.1,0.2,0.3,0.4;",
        "cat[0.1,0.2,0.3,0.4]",
        "Answer: ",
    ),
)
Hostile = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
LONGER = (
    "<ref>a</ref><box>1 2 3 4</box>",
    "[0.1,0.2,0.3,0.4;0.1,",
    "cat[[001,002,003,004]], ",
    '{"bbox_2d": [',
    '{"bbox_2d": [1, 2, 3, 4], "label": "a"}, ',
    "(1",
    "1.",
    "a(1,2),(3,4), ",
)


@pytest.mark.parametrize("name", ["doubao", "glm-4.5v", "internvl", "qwen3-vl", "shikra"])
@pytest.mark.parametrize("start", ["", '[{"bbox_2d": [', '[{"label": "', "<|object_ref_start|>a"])
def test_runaway_text_takes_linear_time(name: str, start: str) -> None:
    for piece in (*PIECES, *LONGER):
        require_linear_time(get_format(name).parse, start, piece, longest=40_000)


@pytest.mark.parametrize("depth", [10, 50, 99])
def test_deep_nesting_is_read(depth: int) -> None:
    text = "[" * depth + "[1, 2, 3, 4]" + "]" * depth
    answer = get_format("glm-4.5v").parse(text)
    assert [found.wire for found in answer.objects] == [(1, 2, 3, 4)]
    assert answer.issues == ()


def test_deeper_nesting_is_left_unread() -> None:
    text = '[{"bbox_2d": [1, 2, 3, 4], "label": "cat"}, ' + "[" * 100_000
    answer = get_format("qwen3-vl-json").parse(text)
    assert [found.category for found in answer.objects] == ["cat"]
    assert answer.issues == ("truncated",)


def test_ten_thousand_parts_cost_what_one_would() -> None:
    part = f"<|begin_of_box|>[{', '.join(['[1, 2, 3, 4]'] * 30)}]<|end_of_box|>"
    short = get_format("glm-4.5v").parse(part * 100)
    runaway = get_format("glm-4.5v").parse(part * 10_000)
    assert short.issues == ()
    assert runaway.objects == short.objects
    assert runaway.issues == ("truncated",)


def test_a_runaway_number_leaves_what_was_before_it() -> None:
    text = '[{"bbox_2d": [1, 2, 3, 4], "label": "cat"}, {"bbox_2d": [5, 6, 7, ' + "8" * 200_000
    answer = get_format("qwen3-vl-json").parse(text)
    assert [found.category for found in answer.objects] == ["cat"]
    assert answer.issues == ("truncated",)


def test_a_number_beyond_float64_is_no_coordinate() -> None:
    text = '[{"bbox_2d": [5, 6, 7, ' + "8" * 5000 + '], "label": "cat"}]'
    assert get_format("qwen3-vl-json").parse(text).issues == ("bad_box",)


def test_runaway_repetition_is_reported_as_found() -> None:
    item = '{"bbox_2d": [1, 2, 3, 4], "label": "cat"}, '
    answer = get_format("qwen3-vl-json").parse("[" + item * 5000 + '{"bbox_2d": [1, 2')
    assert len(answer.objects) == 5000
    assert answer.issues == ("truncated",)


def test_quadratic_time_is_found_out() -> None:
    with pytest.raises(AssertionError, match="40,000 characters of 'caaa' take"):
        require_linear_time(re.compile("c[ca]*b").findall, "", "caaa", longest=40_000)
