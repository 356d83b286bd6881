import pickle
from time import thread_time

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from groundray.formats import FormatError, LabelError, ParsedObject, get_format
from groundray.formats.codecs import Grid
from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.grammars.json_objects import Json
from groundray.formats.labels import PLAIN_LABEL
from groundray.formats.trainer import trained_text

NAMES = ("ernie-4.5-vl", "glm-4.5v", "qwen3-vl", "qwen3-vl-json")
AnyFormat = st.sampled_from(NAMES)


def written(name: str, label: str) -> str:
    rendered = get_format(name).render(
        "detection", expression=None, categories=[label, "cat"], wire=[[1, 2, 3, 4], [5, 6, 7, 8]]
    )
    return trained_text(rendered)


@given(AnyFormat, st.text(max_size=40))
def test_a_label_is_refused_or_read_back_exactly(name: str, label: str) -> None:
    try:
        text = written(name, label)
    except LabelError:
        return
    answer = get_format(name).parse(text)
    assert answer.objects == (
        ParsedObject(label, (1, 2, 3, 4)),
        ParsedObject("cat", (5, 6, 7, 8)),
    )
    assert answer.issues == ()


@given(AnyFormat, st.text("abc \"'\\,:{}[]()<>|`\n1", max_size=30))
def test_punctuation_in_a_label_is_refused_or_read_back_exactly(name: str, label: str) -> None:
    try:
        text = written(name, label)
    except LabelError:
        reject()
    assert get_format(name).parse(text).objects[0] == ParsedObject(label, (1, 2, 3, 4))


@given(AnyFormat, st.from_regex(PLAIN_LABEL, fullmatch=True))
def test_words_need_no_trial(name: str, label: str) -> None:
    answer = get_format(name).parse(written(name, label))
    assert [found.category for found in answer.objects] == [label, "cat"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "token",
    [
        *("<bbox>", "<ref-object>", "<image>", "<video>", "<audio>"),
        *("<|im_end|>", "<|box_start|>", "<|begin_of_box|>", "<|image_pad|>", "</s>"),
        *("<think>", "</think>", "<answer>", "</answer>", "\ud83d"),
    ],
)
def test_a_token_is_refused_in_a_label_and_in_an_expression(name: str, token: str) -> None:
    label = f"a {token} b"
    with pytest.raises(LabelError) as caught:
        written(name, label)
    assert f"label {label!r} cannot be written in {name!r}: it holds {token!r}, " in str(
        caught.value
    )
    with pytest.raises(LabelError, match=r"^expression "):
        get_format(name).render(
            "grounding", expression=label, categories=["cat"], wire=[[1, 2, 3, 4]]
        )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("label", ["", " ", "\n\t"])
def test_a_blank_label_is_refused(name: str, label: str) -> None:
    with pytest.raises(LabelError, match="it is blank"):
        written(name, label)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "label", ["a, b", '15" tv', "x [1] (2)", "空桌子", "two\nlines", " padded ", "None", "</b>"]
)
def test_what_a_text_can_carry_is_written(name: str, label: str) -> None:
    assert get_format(name).parse(written(name, label)).objects[0].category == label


def test_a_label_that_would_be_read_back_differently_is_refused() -> None:
    tagged = DeclaredFormat(
        "tagged",
        prompts={"detection": "?"},
        codec=Grid(),
        grammar=Json(item='{"box": {box}, "label": {label}}'),
        nothing="[]",
        envelope=Envelope(reserved=("@",)),
        source="this test",
    )
    with pytest.raises(LabelError, match="it holds '@', which the model reads as a token"):
        tagged.render("detection", expression=None, categories=["a@b"], wire=[[1, 2, 3, 4]])
    with pytest.raises(FormatError, match=r"cannot do task 'grounding' \(it can: detection\)"):
        tagged.render("grounding", expression="x", categories=[], wire=[])


@pytest.mark.parametrize("name", NAMES)
def test_a_format_travels_by_pickle_after_use(name: str) -> None:
    text = written(name, "cat")
    copy = pickle.loads(pickle.dumps(get_format(name)))  # noqa: S301
    assert copy.parse(text) == get_format(name).parse(text)


def test_rendering_costs_microseconds() -> None:
    qwen3_vl = get_format("qwen3-vl")
    labels = ["person", "cup", "bowl", "person", "dog", "cat", "hot dog"]
    wire = [[228, 320, 961, 970]] * 7
    start = thread_time()
    for _ in range(10_000):
        qwen3_vl.render("detection", expression=None, categories=labels, wire=wire)
    assert thread_time() - start < 2  # 0.01 s on a quiet core
