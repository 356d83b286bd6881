"""Chat completions, the answers of OpenAI-compatible endpoints, read as `Answer`.

What vLLM, SGLang and FastDeploy send differs in details that are known here: the end token stands
among the tokens but not in the text, and a token that holds a part of a character is written with
U+FFFD, in its text and in its bytes.
"""

import codecs
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from groundray.models.base import Answer, Token

_BROKEN = "\N{REPLACEMENT CHARACTER}"
_FINISHES: Mapping[object, Literal["stop", "length"]] = {
    None: "stop",
    "stop": "stop",
    "eos": "stop",
    "length": "length",
}


def read_completion(body: object) -> Answer:
    """The answer that a response body holds.

    Reasoning that a server has cut off from the text counts where no text came after it: a parser
    can then tell an answer that stops inside its reasoning from an empty one.

    Raises:
        ValueError: it is no chat completion.
    """
    choice = _first_choice(body)
    message = choice.get("message")
    if not isinstance(message, Mapping):
        raise ValueError("no message in its first choice")  # noqa: TRY004  of data
    finish = choice.get("finish_reason")
    if not isinstance(finish, str | None) or finish not in _FINISHES:
        return Answer("", error=f"the server ended the answer with finish_reason {finish!r}")
    text = _text_of(message)
    return Answer(
        text,
        finish=_FINISHES[finish],
        num_tokens=_num_tokens(body),
        tokens=_read_tokens(choice.get("logprobs"), text),
    )


def fit_tokens(pieces: Sequence[tuple[str, float]], text: str) -> tuple[Token, ...] | None:
    """Tokens whose texts together are the text; None where that cannot be.

    Tokens after the text, such as the end token, are left out. Of tokens that share a character
    the last gets it whole.

    >>> fit_tokens([("a", -0.1), ("\N{REPLACEMENT CHARACTER}", -0.2),
    ...             ("\N{REPLACEMENT CHARACTER}", -0.3), (" b", -0.4), ("<end>", 0.0)], "a猫 b")
    (Token(text='a', logprob=-0.1), Token(text='', logprob=-0.2), Token(text='猫', logprob=-0.3), \
Token(text=' b', logprob=-0.4))
    """
    tokens: list[Token] = []
    at = 0
    for number, (piece, logprob) in enumerate(pieces):
        if at == len(text):
            break
        fitted = _fit(pieces, number, text, at) if _BROKEN in piece else piece
        if not text.startswith(fitted, at):
            return None
        tokens.append(Token(fitted, logprob))
        at += len(fitted)
    return tuple(tokens) if at == len(text) else None


def _fit(pieces: Sequence[tuple[str, float]], number: int, text: str, at: int) -> str:
    """What a broken token stands for: nothing, or all up to the next token if it is the last."""
    if number + 1 == len(pieces):
        return text[at:]
    following = pieces[number + 1][0]
    if _BROKEN in following:
        return ""
    end = text.find(following, at + 1)
    return text[at:] if end < 0 else text[at:end]


def _first_choice(body: object) -> Mapping[str, Any]:
    choices = body.get("choices") if isinstance(body, Mapping) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise ValueError("no choices")
    return choices[0]


def _text_of(message: Mapping[str, Any]) -> str:
    text = message.get("content")
    if isinstance(text, str) and text:
        return text
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(reasoning, str) and reasoning:
        return f"<think>{reasoning}"
    if text:
        raise ValueError(f"a content that is no text, but {type(text).__name__}")
    return ""


def _num_tokens(body: object) -> int | None:
    usage = body.get("usage") if isinstance(body, Mapping) else None
    count = usage.get("completion_tokens") if isinstance(usage, Mapping) else None
    return count if isinstance(count, int) else None


def _read_tokens(logprobs: object, text: str) -> tuple[Token, ...] | None:
    entries = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    if not isinstance(entries, list) or not all(isinstance(each, Mapping) for each in entries):
        return None
    try:
        pieces = list(_iter_pieces(entries))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return fit_tokens(pieces, text)


def _iter_pieces(entries: list[Mapping[str, Any]]) -> Iterator[tuple[str, float]]:
    """Text and logprob of each token; its bytes count, where there are any."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for entry in entries:
        octets = entry.get("bytes")
        piece = entry["token"] if octets is None else decoder.decode(bytes(octets))
        if not isinstance(piece, str):
            raise TypeError("a token that is no text")
        yield piece, float(entry["logprob"])
