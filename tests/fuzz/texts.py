"""Texts that a model might say, and then some: real answers, put together wrongly."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from random import Random

import numpy as np

from groundray.formats import BoxFormat, Task, get_format
from groundray.formats.conformance import NASTY_LABELS
from groundray.formats.errors import LabelError
from groundray.formats.trainer import trained_text
from tests.formats.golden_cases import golden_cases, model_outputs

IMAGE_SIZE = (640.0, 428.0)
WORDS = (
    "cat",
    "dog 7",
    "traffic light",
    "羊",
    "woman's hat",
    "the left one",
    "a",
    "émigré",
    "None",
)
MARKS = (
    *(
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
        "<",
        ">",
        ",",
        ", ",
        ":",
        ";",
        '"',
        "'",
        "\\",
        "`",
        "```json\n",
    ),
    *("\n", "\t", " ", "\r\n", "\u2028", "\u200f", "\u00a0", "\ufeff", "\x00", "\x1b[31m", "\x85"),
    *("\uff0c", "\uff1a", "\u201c", "\u201d", "\uff3b", "\ud800", "\udc00", "\\ud83d"),
    *("\\u7f8a", '\\"', "&lt;", "/", "|"),
    *("<think>", "</think>", "<answer>", "</answer>", "<|im_end|>", "</s>", "<eos>", "<|", "|>"),
    *("no objects", "There are none.", "None", "null", "NaN", "Infinity", "true", "[]", "{}", "-"),
)
NUMBERS = (
    *("0", "1", "999", "1000", "-1", "007", "1.", ".5", "0.33", "1e5", "1e999", "-0", "+3", "1_0"),
    *("9" * 40, "1" + "0" * 400, "٣", "²", "0x10", "1,5", "1.2.3", "--1", "NaN"),
)
_WORD = re.compile(r"<[^<>]*>|\s*[\w.]+\W?|\W")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@cache
def pieces_of(name: str) -> tuple[str, ...]:
    """What answers of a format are made of, whole and cut."""
    words = {word for text in renderings(name) for word in _WORD.findall(text)}
    return tuple(sorted(words | {word[: len(word) // 2 + 1] for word in words}))


@cache
def renderings(name: str) -> tuple[str, ...]:
    """Sound answers of a format."""
    format_ = get_format(name)
    rng = Random(name)
    texts = []
    for task in format_.prompts:
        for count in (0, 1, 2, 3, 8, 30):
            labels = rng.choices(WORDS, k=count)
            expression = "it" if task == "grounding" else None
            wire = wire_of(format_, rng, count)
            try:
                rendered = format_.render(task, expression=expression, categories=labels, wire=wire)
            except LabelError:
                continue
            texts.append(trained_text(rendered))
    return tuple(texts)


@cache
def said() -> tuple[str, ...]:
    """Collected answers of models, of every kind."""
    cases = [*model_outputs("json", "placeholders", "token_run", "paired_tags", "bracket_prose")]
    for file in ("json", "placeholders", "molmo", "cogvlm", "rex-omni", "deepseek-vl2"):
        cases += golden_cases(file)
    return tuple(case.text for case in cases)


def wire_of(format_: BoxFormat, rng: Random, count: int) -> list[list[float]]:
    """The numbers of random boxes, as the format writes them."""
    width, height = IMAGE_SIZE
    corners = [sorted(rng.random() for _ in range(2)) for _ in range(2 * count)]
    xyxy = np.array(corners).reshape(-1, 2, 2).transpose(0, 2, 1).reshape(-1, 4)
    xyxy *= [width, height, width, height]
    rows: list[list[float]] = format_.encode(xyxy, np.tile([IMAGE_SIZE], (count, 1))).tolist()
    return rows


def any_label(rng: Random, name: str) -> str:
    """A label: a word, one that has broken somebody's parser, or one of the format's own pieces."""
    kind = rng.random()
    if kind < 0.2:
        return rng.choice(WORDS)
    if kind < 0.4:
        return rng.choice(NASTY_LABELS)
    if kind < 0.5:
        return "".join(chr(rng.randrange(0x110000)) for _ in range(rng.randint(1, 6)))
    parts = [rng.choice((*WORDS, *MARKS, *NUMBERS, *pieces_of(name)))]
    while rng.random() < 0.5:
        parts.append(rng.choice((*WORDS, *MARKS, *NUMBERS, *pieces_of(name))))
    return "".join(parts)


def any_task(rng: Random, format_: BoxFormat) -> Task:
    """One that the format can do."""
    return rng.choice(list(format_.prompts))


def any_text(rng: Random, name: str, others: Sequence[str]) -> str:
    """An answer in a format, or of another one, mutated up to eight times."""
    kind = rng.random()
    if kind < 0.55:
        text = rng.choice(renderings(name))
    elif kind < 0.7:
        text = rng.choice(renderings(rng.choice(others)))
    elif kind < 0.85:
        text = rng.choice(said())
    else:
        text = "".join(_any_piece(rng, name) for _ in range(rng.randint(0, 30)))
    for _ in range(rng.choice((0, 1, 1, 2, 3, 5, 8))):
        text = mutated(rng, text, name)
    return text


def mutated(rng: Random, text: str, name: str) -> str:
    """The text with one thing changed."""
    return rng.choice(_CHANGES)(rng, text, name)


def _any_piece(rng: Random, name: str) -> str:
    return rng.choice(rng.choice((MARKS, NUMBERS, WORDS, pieces_of(name))))


def _span(rng: Random, text: str) -> tuple[int, int]:
    start = rng.randint(0, len(text))
    return start, min(len(text), start + rng.choice((1, 2, 5, 20, 100)))


def _delete(rng: Random, text: str, name: str) -> str:
    start, stop = _span(rng, text)
    return text[:start] + text[stop:]


def _insert(rng: Random, text: str, name: str) -> str:
    at = rng.randint(0, len(text))
    return text[:at] + _any_piece(rng, name) + text[at:]


def _replace(rng: Random, text: str, name: str) -> str:
    start, stop = _span(rng, text)
    return text[:start] + _any_piece(rng, name) + text[stop:]


def _repeat(rng: Random, text: str, name: str) -> str:
    start, stop = _span(rng, text)
    return text[:stop] + text[start:stop] * rng.choice((1, 2, 10, 50)) + text[stop:]


def _renumber(rng: Random, text: str, name: str) -> str:
    found = list(_NUMBER.finditer(text))
    if not found:
        return text
    number = rng.choice(found)
    return text[: number.start()] + rng.choice(NUMBERS) + text[number.end() :]


def _cut(rng: Random, text: str, name: str) -> str:
    return text[: rng.randint(0, len(text))]


def _behead(rng: Random, text: str, name: str) -> str:
    return text[rng.randint(0, len(text)) :]


def _splice(rng: Random, text: str, name: str) -> str:
    other = rng.choice((*renderings(name), *said()))
    return text[: rng.randint(0, len(text))] + other[rng.randint(0, len(other)) :]


def _wrap(rng: Random, text: str, name: str) -> str:
    before, after = rng.choice(
        (
            ("<think>", "</think>"),
            ("<think>so</think>\n", ""),
            ("<answer>", "</answer>"),
            ("```json\n", "\n```"),
            ("", "<|im_end|>"),
            ("[", "]"),
            ("{", "}"),
            ('"', '"'),
            ("'", "'"),
        )
    )
    return before + text + after


def _recase(rng: Random, text: str, name: str) -> str:
    start, stop = _span(rng, text)
    return text[:start] + text[start:stop].swapcase() + text[stop:]


def _swap(rng: Random, text: str, name: str) -> str:
    a, b = _span(rng, text)
    c, d = _span(rng, text[b:])
    return text[:a] + text[b + c : b + d] + text[b : b + c] + text[a:b] + text[b + d :]


_CHANGES: tuple[Callable[[Random, str, str], str], ...] = (
    *(_delete, _insert, _insert, _replace, _replace, _repeat, _renumber, _renumber, _cut),
    *(_behead, _splice, _wrap, _recase, _swap),
)
