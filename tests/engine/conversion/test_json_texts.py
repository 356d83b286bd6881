"""JSON of whole columns is that of each value."""

import json

import numpy as np
import orjson
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from groundray.engine.arrays import from_texts
from groundray.engine.conversion.json_texts import (
    LONG_TEXT,
    concatenated,
    escaped,
    escaped_text,
    joined,
    number_lists,
)
from groundray.engine.records import offsets_of

AnyText = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@settings(deadline=None)  # the first call loads Arrow's parts
@given(st.lists(AnyText | st.text("ab", max_size=3), max_size=6), st.integers(0, 6))
def test_texts_are_escaped_as_json_does(texts: list[str], skipped: int) -> None:
    array = from_texts(texts).slice(skipped)
    inner = escaped(array).to_pylist()
    assert inner == [orjson.dumps(text)[1:-1].decode() for text in texts[skipped:]]
    assert inner == list(map(escaped_text, texts[skipped:]))
    assert [json.loads(f'"{text}"') for text in inner] == texts[skipped:]


def test_every_character_that_json_escapes_is_found() -> None:
    for code in range(0x100):
        (inner,) = escaped(from_texts([chr(code)])).to_pylist()
        assert json.loads(f'"{inner}"') == chr(code)


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 4), max_size=6),
    st.integers(1, 8),
    st.sampled_from(["u1", "i2", "i4", "i8"]),
    st.integers(0, 2**32),
)
def test_lists_of_numbers_lack_but_their_first_bracket(
    counts: list[int], width: int, kind: str, seed: int
) -> None:
    offsets = offsets_of(np.array(counts, dtype=np.int64))
    rng = np.random.default_rng(seed)
    numbers = rng.integers(-(2**63), 2**63, (int(offsets[-1]), width)).astype(kind)
    given_rows = numbers.tolist()
    texts = number_lists(numbers, offsets)
    texts.validate(full=True)
    for text, start, stop in zip(texts.to_pylist(), offsets[:-1], offsets[1:], strict=True):
        assert (json.loads(f"[{text}") if text else []) == given_rows[start:stop]
    assert numbers.tolist() == given_rows


@settings(deadline=None)
@given(st.lists(st.tuples(AnyText, AnyText), max_size=6), AnyText, st.integers(0, 3))
def test_pieces_are_joined_and_their_bytes_stand_in_a_row(
    pairs: list[tuple[str, str]], word: str, skipped: int
) -> None:
    left, right = (from_texts([pair[side] for pair in pairs]) for side in (0, 1))
    expected = [f"{word}{a}{b}{word}" for a, b in pairs]
    assert joined(word, left, right, word).to_pylist() == expected
    long = joined(word, left, right, word, kind=LONG_TEXT)
    assert long.type == pa.large_string()
    kept = long.slice(skipped, 2)
    assert bytes(concatenated(kept)) == "".join(expected[skipped : skipped + 2]).encode()
