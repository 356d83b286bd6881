"""Lines of an answer file: what another system said about one record.

    {"id": "299887", "text": "<answer>[...]</answer>"}
    {"custom_id": "299887", "response": {"status_code": 200, "body": {"choices": [...]}}}

The second is a line of a batch output, as vLLM, SGLang, FastDeploy and OpenAI write it.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import orjson

from groundray.models.base import Answer
from groundray.models.chat_completion import fit_tokens, read_completion

ID_KEYS = ("custom_id", "id", "question_id", "image_id")
"""Where a line's id may stand; the first of them that is there counts."""

TEXT_KEYS = ("text", "response", "answer", "predict", "generated_text")
"""Where the answer may stand; two that differ are refused."""

_OK = 200
_HIGHEST = 1e308


def parse_line(line: bytes) -> Mapping[str, Any]:
    """The object of a line.

    Raises:
        ValueError: it is no JSON object.
    """
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        value = _parse_loosely(line)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  of data, not of an argument
    return value


def id_of(value: Mapping[str, Any]) -> str:
    """The id of a line, a number as text.

    Raises:
        ValueError: it has none.
    """
    for key in ID_KEYS:
        found = value.get(key)
        if isinstance(found, str):
            return found
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)
        if isinstance(found, float) and found.is_integer():
            return str(int(found))
    raise ValueError(f"no id ({', '.join(ID_KEYS)})")


def answer_of(value: Mapping[str, Any]) -> Answer:
    """The answer of a line; its error counts where it has no text.

    Raises:
        ValueError: it has none, or several.
    """
    error = value.get("error")
    if error and not any(value.get(key) for key in TEXT_KEYS):
        return Answer("", error=_message_of(error))
    response = value.get("response")
    if isinstance(response, Mapping):
        return _answer_of_response(response)
    text = _well_formed(_text_of(value))
    count = value.get("num_tokens")
    finish: Literal["stop", "length"] = "length" if value.get("finish") == "length" else "stop"
    return Answer(
        text,
        finish=finish,
        num_tokens=count if isinstance(count, int) else None,
        tokens=None if value.get("tokens") is None else fit_tokens(_pieces(value["tokens"]), text),
    )


def _parse_loosely(line: bytes) -> object:
    """What `json` takes and orjson does not: NaN, a byte order mark, half a surrogate pair."""
    try:
        return json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None


def _text_of(value: Mapping[str, Any]) -> str:
    found = {key: value[key] for key in TEXT_KEYS if isinstance(value.get(key), str)}
    if not found:
        raise ValueError(f"no answer ({', '.join(TEXT_KEYS)})")
    if len(set(found.values())) > 1:
        raise ValueError(f"several answers ({', '.join(found)})")
    return str(next(iter(found.values())))


def _answer_of_response(response: Mapping[str, Any]) -> Answer:
    body = response.get("body")
    if response.get("status_code", _OK) != _OK:
        message = body.get("error", body) if isinstance(body, Mapping) else body
        return Answer("", error=_message_of(message))
    try:
        answer = read_completion(body)
    except ValueError as error:
        raise ValueError(f"its response has {error}") from None
    return replace(answer, text=_well_formed(answer.text))


def _message_of(error: object) -> str:
    if isinstance(error, Mapping) and error.get("message"):
        error = error["message"]
    return _well_formed(str(error))[:200]


def _pieces(tokens: object) -> list[tuple[str, float]]:
    """`[[text, logprob], ...]` or `[{"text": ..., "logprob": ...}, ...]`; empty for all else."""
    pieces: list[tuple[str, float]] = []
    for token in tokens if isinstance(tokens, list) else []:
        pair = (token.get("text"), token.get("logprob")) if isinstance(token, Mapping) else token
        match pair:
            case [str(text), float() | int() as logprob] if -_HIGHEST < logprob < _HIGHEST:
                pieces.append((text, float(logprob)))
            case _:
                return []
    return pieces


def _well_formed(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
