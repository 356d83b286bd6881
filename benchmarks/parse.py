"""How long each format takes to read runaway text: at most 5 s for 50 MB, whatever is repeated.

python -m benchmarks.parse [FORMAT...]
"""

import re
import sys
from collections.abc import Iterator
from time import process_time

import numpy as np

from groundray.formats import BoxFormat, format_names, get_format
from groundray.formats.trainer import trained_text

CHARACTERS = 50_000_000
TRIAL = 1_000_000  # of each piece, to find the slow ones
MOST = 8
COMMON = (
    *("9", "-", "+.", ". ", " ", "\n", "a", "x", "<", "[", "(", "{", '"', "\\", "1, ", "cat, "),
    *("羊", "\ud800", "<0>", "[1, 2, 3, 4], ", "(1.0, 2.0)", "</s>", "<think>", "</think>"),
)
XYXY = np.array([[146.0, 137, 615, 415], [35, 61, 203, 214]])
SIZES = np.array([[640.0, 428]] * 2)


def pieces(answer: str) -> Iterator[str]:
    """What an answer is made of: all of it, halves, and its words and tags, whole and cut."""
    yield from (answer, answer[: len(answer) // 2], answer[len(answer) // 2 :])
    for word in sorted(set(re.findall(r"<[^<>]*>|\s*[\w.]+\W?|\W", answer))):
        yield word
        yield word[: len(word) // 2 + 1]


def slowest(format_: BoxFormat) -> tuple[float, str, str]:
    """Seconds, the start of a text, and what it repeats."""
    rendered = format_.render(
        "detection",
        expression=None,
        categories=["cat", "dog"],
        wire=format_.encode(XYXY, SIZES).tolist(),
    )
    answer = trained_text(rendered)
    tried = [
        (seconds(format_, start, piece, TRIAL), start, piece)
        for start in ("", answer[: len(answer) // 4], answer[: len(answer) * 2 // 3])
        for piece in dict.fromkeys((*COMMON, *pieces(answer)))
    ]
    return max(
        (seconds(format_, start, piece, CHARACTERS), start, piece)
        for _, start, piece in sorted(tried)[-MOST:]
    )


def seconds(format_: BoxFormat, start: str, piece: str, characters: int) -> float:
    """Processor time of reading a text."""
    text = start + piece * (characters // len(piece))
    began = process_time()
    format_.parse(text)
    return process_time() - began


if __name__ == "__main__":
    for name in sys.argv[1:] or format_names():
        took, start, piece = slowest(get_format(name))
        print(f"{name:14} {took:5.2f} s  {start!r} and then {piece!r}, again and again", flush=True)
