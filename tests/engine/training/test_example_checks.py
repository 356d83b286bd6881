"""What is wrong with a line of training jsonl."""

import json
from typing import Any

import pytest

from groundray.engine.training.example_checks import Problem, example_problems, parse_example
from tests.engine.training.training_made import ANSWER, QUESTION, example


def codes(made: dict[str, Any]) -> list[str]:
    parsed = parse_example(json.dumps(made).encode())
    assert not isinstance(parsed, Problem), parsed
    return [problem.code for problem in example_problems(parsed)]


def messages(question: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def test_a_sound_example_has_no_problem() -> None:
    assert codes(example("a.jpg")) == []
    system = [{"role": "system", "content": "You are a helpful assistant."}]
    assert codes(example("a.jpg", messages=[*system, *messages(QUESTION, ANSWER)])) == []
    inline = example("a.jpg", messages=messages(QUESTION, "[]"))
    del inline["objects"]
    assert codes(inline) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"messages": messages(QUESTION, f"{ANSWER}, {ANSWER}")}, "placeholders_unlike_objects"),
        (
            {"objects": {"ref": ["a", "b"], "bbox": [[1, 2, 3, 4]] * 2}},
            "placeholders_unlike_objects",
        ),
        ({"objects": {}}, "placeholders_unlike_objects"),
        ({"objects": None}, "bad_objects"),
        ({"objects": {"ref": ["cat"], "bbox": [[1, 2, 3]]}}, "bad_objects"),
        ({"objects": {"ref": [7], "bbox": [[1, 2, 3, 4]]}}, "bad_objects"),
        ({"objects": {"ref": ["a<bbox>"], "bbox": [[1, 2, 3, 4]]}}, "label_is_placeholder"),
        ({"images": []}, "images_unlike_placeholders"),
        ({"messages": messages("no image", ANSWER)}, "images_unlike_placeholders"),
        ({"messages": messages(QUESTION, " "), "objects": {}}, "empty_answer"),
        ({"messages": messages(QUESTION, ANSWER)[:1], "objects": {}}, "no_answer"),
    ],
)
def test_each_fault_has_its_code(change: dict[str, Any], code: str) -> None:
    assert set(codes(example("a.jpg", **change))) == {code}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"messages": [', "not_json"),
        (b"[]", "no_messages"),
        (b'{"messages": "hello"}', "no_messages"),
        (b'{"messages": [{"role": "user"}]}', "no_messages"),
        (b'{"messages": [{"role": "user", "content": "x"}], "images": "a.jpg"}', "no_images"),
    ],
)
def test_a_line_that_cannot_be_read_has_its_code(line: bytes, code: str) -> None:
    parsed = parse_example(line)
    assert isinstance(parsed, Problem)
    assert parsed.code == code
