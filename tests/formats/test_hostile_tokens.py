"""Whatever a model says in tokens and tags, parsing never raises and takes linear time."""

import pytest

from groundray.formats import get_format
from groundray.formats.conformance import require_linear_time

pytestmark = pytest.mark.untraced

# Numbers of an object, and what its text is made of.
FAMILIES: dict[str, tuple[int, tuple[str, ...]]] = {
    "deepseek-vl2": (
        4,
        (
            *("<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>", "[[", "]]", "[1, 2, 3, 4]", "[1, 2"),
            *("<|ref|>a<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>", "<｜end▁of▁sentence｜>"),  # noqa: RUF001
        ),
    ),
    "florence-2": (4, ("<loc_1>", "<loc_", "car", "car<loc_1><loc_2><loc_3><loc_4>", "<s>")),
    "kosmos-2": (
        2,
        (
            *("<phrase>", "</phrase>", "<object>", "</object>", "<patch_index_0001>", "<patch_"),
            *("</delimiter_of_multi_objects/>", "<grounding>"),
            "<phrase> a</phrase><object><patch_index_0001><patch_index_0002></object>",
        ),
    ),
    "molmo": (
        2,
        (
            *("<point ", "<points ", "</point>", "</points>", 'x="1.0" y="2.0" ', 'x1="1.0" '),
            *('y1="2.0" ', 'alt="', '">', "/>", '<point x="1.0" y="2.0" alt="a">a</point>'),
            *("(1.0, 2.0)", "(1", "x=", "points"),
        ),
    ),
    "paddleocr-vl": (
        8,
        ("<|LOC_1|>", "<|LOC_1|>" * 8, "<|LOC_", "<|TEXT_START|>", "<|TEXT_END|>", "<|LOC_BEGIN|>"),
    ),
    "paligemma": (4, ("<loc0001>", "<loc", "<loc0001>" * 4, " ; ", "<seg001>", "cat")),
    "rex-omni": (
        4,
        (
            *("<0>", "<1><2><3><4>", "<", "<|object_ref_start|>", "<|object_ref_end|>"),
            *("<|box_start|>", "<|box_end|>", "None", "(1,2),(3,4)", "<|"),
        ),
    ),
}
COMMON = (
    *("1", "9" * 500, "-", "+.", "1e5", ".", ",", ", ", ";", " ", "\n", "<", ">", "|", '"', "'"),
    *("cat", "羊", "\ud800", "\x00", "no objects", "None", "[]"),
    *("<think>", "</think>", "<answer>", "</answer>", "<|im_end|>", "</s>"),
)


@pytest.mark.parametrize("name", FAMILIES)
def test_runaway_text_takes_linear_time(name: str) -> None:
    pieces = FAMILIES[name][1]
    for start in ("", pieces[0], pieces[-1], "".join(pieces)):
        for piece in (*pieces, *COMMON):
            require_linear_time(get_format(name).parse, start, piece, longest=40_000)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_label_of_runaway_text_is_none(name: str) -> None:
    format_ = get_format(name)
    wire = [[1] * FAMILIES[name][0]]
    text = format_.render("detection", expression=None, categories=["cat"], wire=wire).assistant
    answer = format_.parse(text.replace("cat", "cat " * 5000))
    assert [(found.category, list(found.wire)) for found in answer.objects] == [(None, wire[0])]


@pytest.mark.parametrize("name", ["deepseek-vl2", "molmo", "paddleocr-vl"])  # of each grammar
def test_half_a_million_numbers_are_read_and_no_more(name: str) -> None:
    count, _ = FAMILIES[name]
    format_ = get_format(name)
    rendered = format_.render("detection", expression=None, categories=["a"], wire=[[1] * count])
    answer = format_.parse(f"{rendered.assistant}\n" * (600_000 // count))
    assert 0 < len(answer.objects) * count <= 500_000
