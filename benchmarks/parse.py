"""How long each format takes: a million boxes normalised, and runaway text read.

50 MB of it are read within 5 s, whatever is repeated.
"""

import re
import time
from collections.abc import Iterator
from statistics import median

import numpy as np

from benchmarks.bench import Bench, Table
from groundray.formats import BoxFormat, format_names, get_format
from groundray.formats.trainer import trained_text

BOXES = 1_000_000
CHARACTERS = 50_000_000
TRIED = 250  # times fewer characters of each piece, to find the slow ones
MOST = 4
COMMON = (
    *("9", "-", "+.", ". ", " ", "\n", "a", "x", "<", "[", "(", "{", '"', "\\", "1, ", "cat, "),
    *("羊", "\ud800", "<0>", "[1, 2, 3, 4], ", "(1.0, 2.0)", "</s>", "<think>", "</think>"),
)
XYXY = np.array([[146.0, 137, 615, 415], [35, 61, 203, 214]])
SIZES = np.array([[640.0, 428]] * 2)


def tables(bench: Bench) -> Iterator[Table]:
    """A row for each format."""
    boxes, characters = bench.size(BOXES), bench.size(CHARACTERS)
    rows = []
    for name in format_names():
        format_ = get_format(name)
        took_s, start, piece = slowest(format_, characters)
        shown = f"`{start!r}` and then `{piece!r}`".replace("|", "\\|").replace("\n", " ")
        rows.append([name, f"{encode_s(format_, boxes):.3f}", f"{took_s:.2f}", shown])
    yield Table(
        "Formats alone",
        (
            "format",
            f"{boxes:,} boxes normalised, s",
            f"{characters / 1e6:.0f} MB of runaway text parsed, CPU s",
            "the slowest text: its start, and what it repeats",
        ),
        rows,
        "In one process. The text is the slowest of some hundred that are tried for each format.",
    )


def encode_s(format_: BoxFormat, boxes: int) -> float:
    """Seconds of normalising boxes, one an image; the median of five times."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(200, 2000, (boxes, 2)).astype(np.float64)
    corner = rng.uniform(0, 0.5, (boxes, 2)) * sizes
    xyxy = np.hstack([corner, corner + rng.uniform(0, 0.5, (boxes, 2)) * sizes])
    times = []
    for _ in range(5):
        started = time.perf_counter()
        format_.encode(xyxy, sizes)
        times.append(time.perf_counter() - started)
    return median(times)


def pieces(answer: str) -> Iterator[str]:
    """What an answer is made of: all of it, halves, and its words and tags, whole and cut."""
    yield from (answer, answer[: len(answer) // 2], answer[len(answer) // 2 :])
    for word in sorted(set(re.findall(r"<[^<>]*>|\s*[\w.]+\W?|\W", answer))):
        yield word
        yield word[: len(word) // 2 + 1]


def slowest(format_: BoxFormat, characters: int) -> tuple[float, str, str]:
    """Seconds, the start of a text, and what it repeats."""
    rendered = format_.render(
        "detection",
        expression=None,
        categories=["cat", "dog"],
        wire=format_.encode(XYXY, SIZES).tolist(),
    )
    answer = trained_text(rendered)
    tried = [
        (parse_s(format_, start, piece, characters // TRIED), start, piece)
        for start in ("", answer[: len(answer) // 4], answer[: len(answer) * 2 // 3])
        for piece in dict.fromkeys((*COMMON, *pieces(answer)))
    ]
    return max(
        (parse_s(format_, start, piece, characters), start, piece)
        for _, start, piece in sorted(tried)[-MOST:]
    )


def parse_s(format_: BoxFormat, start: str, piece: str, characters: int) -> float:
    """Processor time of reading a text."""
    text = start + piece * (characters // len(piece))
    began = time.process_time()
    format_.parse(text)
    return time.process_time() - began
