"""What must hold of every format, whatever a model says."""

import math
from collections import Counter
from collections.abc import Sequence
from random import Random
from time import thread_time

import numpy as np

from groundray.formats import BoxFormat, ParsedAnswer, get_format
from groundray.formats.errors import LabelError
from groundray.formats.issues import ISSUES, TRUNCATED, UNPARSABLE
from groundray.formats.trainer import trained_text
from tests.fuzz.texts import (
    IMAGE_SIZE,
    MARKS,
    NUMBERS,
    WORDS,
    any_label,
    any_task,
    any_text,
    mutated,
    pieces_of,
    renderings,
    wire_of,
)

_SHORT, _GROWTH, _STEPS = 20_000, 2, 4
_SLOW_S_A_CHAR = 1e-6  # what is faster needs no second look: 50 MB would take 50 s
_MOST_GROWTH = 2.5
_TRIES = 5  # something else may run at the same time: the quickest counts


class ParserFuzz:
    """Cases of one format.

    Args:
        name: of the format.
        others: names of formats whose answers it gets too.
    """

    def __init__(self, name: str, others: Sequence[str]) -> None:
        self._name = name
        self._others = others
        self._format: BoxFormat = get_format(name)

    def parse(self, rng: Random) -> None:
        """Any text is read, without an exception, to objects that can be stored and decoded."""
        text = any_text(rng, self._name, self._others)
        answer = self._format.parse(text)
        require_sound(answer, text)
        if answer.objects:
            decoded = self._format.decode(
                np.array([found.wire for found in answer.objects], dtype=np.float64), IMAGE_SIZE
            )
            assert decoded.shape == (len(answer.objects), 4), text
        if rng.random() < 0.1:
            again = self._format.parse(text)
            assert (again, again.spans) == (answer, answer.spans), text

    def round_trip(self, rng: Random) -> None:
        """Labels come back exactly, or are refused; so do the numbers."""
        written = self._write(rng)
        if written is not None:
            text, labels, wire = written
            text.encode()
            answer = self._format.parse(text)
            require_sound(answer, text)
            assert not answer.issues, (text, answer)
            require_same(answer, labels, wire, text)

    def cut(self, rng: Random) -> None:
        """A sound answer that is cut anywhere gives its first objects, and says that it was cut."""
        written = self._write(rng)
        if written is None:
            return
        text, labels, _ = written
        whole = self._format.parse(text)
        ends = [rng.randint(0, len(text)) for _ in range(4)]
        inside = [
            rng.randint(start + 1, stop - 1) for start, stop in whole.spans if stop > start + 1
        ]
        for end in (*ends, *inside[:4]):
            answer = self._format.parse(text[:end])
            require_sound(answer, text[:end])
            require_first(answer, whole, text[:end])
            if end in inside:
                assert set(answer.issues) & {TRUNCATED, UNPARSABLE}, (text[:end], answer)
        assert len(labels) >= len(set(labels))

    def time(self, rng: Random) -> None:
        """Twice the text takes at most about twice the time, whatever it repeats."""
        start = _cut_of(rng, self._name) if rng.random() < 0.7 else ""
        piece = _cut_of(rng, self._name) or "a"
        for _ in range(rng.randint(0, 3)):
            piece = mutated(rng, piece, self._name)[:200] or "a"
        end = _cut_of(rng, self._name) if rng.random() < 0.2 else ""
        require_linear(self._format, start, piece, end)

    def _write(self, rng: Random) -> tuple[str, list[str], list[list[float]]] | None:
        """A sound answer and what it says; None where the format refuses a label."""
        task = any_task(rng, self._format)
        labels = [any_label(rng, self._name) for _ in range(rng.choice((1, 1, 2, 3, 6)))]
        wire = wire_of(self._format, rng, len(labels))
        try:
            rendered = self._format.render(
                task,
                expression="it" if task == "grounding" else None,
                categories=labels,
                wire=wire,
            )
        except LabelError:
            return None
        return trained_text(rendered), labels, wire


def require_sound(answer: ParsedAnswer, text: str) -> None:
    """What every answer fulfils."""
    assert set(answer.issues) <= set(ISSUES), (text, answer)
    assert len(set(answer.issues)) == len(answer.issues), (text, answer)
    assert len(answer.spans) == len(answer.objects), (text, answer)
    assert UNPARSABLE not in answer.issues or not answer.objects, (text, answer)
    for start, stop in answer.spans:
        assert 0 <= start < stop <= len(text), (text, answer)
    for found in answer.objects:
        assert found.wire, (text, answer)
        assert all(map(math.isfinite, found.wire)), (text, answer)
        if found.category is not None:
            assert found.category, (text, answer)
            found.category.encode()  # no half characters: it can be stored


def require_same(
    answer: ParsedAnswer, labels: Sequence[str], wire: Sequence[Sequence[float]], text: str
) -> None:
    """In any order, since some families write the boxes of a label together; labels may be none."""
    boxes = [tuple(row) for row in wire]
    assert sorted(found.wire for found in answer.objects) == sorted(boxes), (text, answer)
    if any(found.category is not None for found in answer.objects):
        assert Counter(zip(labels, boxes, strict=True)) == Counter(answer.objects), (text, answer)


def require_first(answer: ParsedAnswer, whole: ParsedAnswer, text: str) -> None:
    """Objects of a beginning are those of the whole; labels that stand behind may be missing."""
    assert len(answer.objects) <= len(whole.objects), (text, answer, whole)
    for i, (found, other) in enumerate(zip(answer.objects, whole.objects, strict=False), start=1):
        assert found.wire == other.wire, (text, answer, whole)
        label, expected = found.category or "", other.category or ""
        is_last = i == len(answer.objects)
        assert label in {"", expected} or (is_last and expected.startswith(label)), (
            text,
            answer,
            whole,
        )


def require_linear(format_: BoxFormat, start: str, piece: str, end: str = "") -> None:
    """Doubles a text that repeats a piece, as long as it is slow to read."""

    def took(characters: int, most: float = 0.0) -> float:
        text = start + piece * (characters // len(piece)) + end
        fastest = math.inf
        for _ in range(_TRIES):
            began = thread_time()
            format_.parse(text)
            fastest = min(fastest, thread_time() - began)
            if fastest <= most:
                break
        return fastest

    characters = _SHORT
    before = took(characters, characters * _SLOW_S_A_CHAR)
    for _ in range(_STEPS):
        if before <= characters * _SLOW_S_A_CHAR:
            return
        characters *= _GROWTH
        now = took(characters, _MOST_GROWTH * before)
        if now <= _MOST_GROWTH * before:
            return
        before = now
    raise AssertionError(
        f"{start!r}, then {piece!r} again and again, then {end!r}: {characters:,} characters take "
        f"{before:.2f} s, and more than {_MOST_GROWTH} times as long as half of them, {_STEPS} "
        "times in a row"
    )


def _cut_of(rng: Random, name: str) -> str:
    """A piece of what a format writes, whole or cut, or of anything."""
    kind = rng.random()
    if kind < 0.4:
        return rng.choice(pieces_of(name))
    if kind < 0.6:
        return rng.choice((*MARKS, *NUMBERS, *WORDS))
    text = rng.choice(renderings(name))
    start = rng.randint(0, len(text))
    return text[start : start + rng.choice((3, 10, 40, 150))]
