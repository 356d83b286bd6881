from typing import Any

import pytest

from groundray.models import Answer, Token
from groundray.models.chat_completion import fit_tokens, read_completion

BROKEN = "\N{REPLACEMENT CHARACTER}"


def body(message: dict[str, Any], **choice: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": "stop", **choice}]}


def entry(token: str, logprob: float = -1.0, octets: bytes | None = None) -> dict[str, Any]:
    return {
        "token": token,
        "logprob": logprob,
        "bytes": None if octets is None else list(octets),
        "top_logprobs": [],
    }


def test_a_text_of_none_is_an_empty_answer() -> None:
    assert read_completion(body({"content": None})) == Answer("")


@pytest.mark.parametrize("finish", [{"reason": "stop"}, ["stop"], "content_filter", 7])
def test_an_unknown_reason_to_finish_is_named(finish: object) -> None:
    answer = read_completion(body({"content": "cat"}, finish_reason=finish))
    assert answer == Answer("", error=f"the server ended the answer with finish_reason {finish!r}")


@pytest.mark.parametrize("token", [3, ["c"], {"text": "cat"}, None])
def test_tokens_that_are_no_text_are_left_out(token: object) -> None:
    logprobs = {"content": [{"token": token, "logprob": -1.0}]}
    assert read_completion(body({"content": "cat"}, logprobs=logprobs)) == Answer("cat")


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_reasoning_counts_only_where_no_text_came_after_it(key: str) -> None:
    assert read_completion(body({"content": "cat", key: "hm"})).text == "cat"
    assert read_completion(body({"content": None, key: "hm"})).text == "<think>hm"


@pytest.mark.parametrize("finish", ["content_filter", "abort", "tool_calls"])
def test_an_answer_that_the_server_broke_off_is_an_error(finish: str) -> None:
    answer = read_completion(body({"content": "c"}, finish_reason=finish))
    assert answer == Answer("", error=f"the server ended the answer with finish_reason {finish!r}")


@pytest.mark.parametrize(
    "value",
    [None, [], {}, {"choices": []}, {"choices": [1]}, {"choices": [{}]}, body({"content": 1})],
    ids=str,
)
def test_what_is_no_completion_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"no choices|no message|no text"):
        read_completion(value)


def test_bytes_of_tokens_count_before_their_texts() -> None:
    first, second = "猫".encode()[:2], "猫".encode()[2:]
    logprobs = {"content": [entry("a", -1), entry(BROKEN, -2, first), entry(BROKEN, -3, second)]}
    tokens = read_completion(body({"content": "a猫"}, logprobs=logprobs)).tokens
    assert tokens == (Token("a", -1), Token("", -2), Token("猫", -3))


@pytest.mark.parametrize(
    "logprobs",
    [None, {}, {"content": None}, {"content": [1]}, {"content": [{"token": "cat"}]}],
    ids=str,
)
def test_without_logprobs_there_are_no_tokens(logprobs: object) -> None:
    answer = read_completion(body({"content": "cat"}, logprobs=logprobs))
    assert (answer.text, answer.tokens) == ("cat", None)


@pytest.mark.parametrize(
    ("texts", "text", "fitted"),
    [
        (["a", "b"], "ab", ["a", "b"]),
        (["a", "b", "<|im_end|>"], "ab", ["a", "b"]),
        (["<|im_end|>"], "", []),
        ([], "", []),
        ([BROKEN, BROKEN, "b"], "猫b", ["", "猫", "b"]),
        (["a", BROKEN, BROKEN], "a猫", ["a", "", "猫"]),
        ([BROKEN, BROKEN, "猫"], "犬猫", ["", "犬", "猫"]),
        (["a", BROKEN, "<|im_end|>"], "a猫", ["a", "猫"]),
        (["a"], "ab", None),
        (["b"], "ab", None),
        ([], "a", None),
        (["ab", "c"], "a", None),
    ],
)
def test_tokens_fit_their_text_or_are_none(
    texts: list[str], text: str, fitted: list[str] | None
) -> None:
    tokens = fit_tokens([(piece, -1.0) for piece in texts], text)
    assert (None if tokens is None else [token.text for token in tokens]) == fitted
