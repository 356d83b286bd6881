"""Snappy as a stream: what pyarrow compresses comes out again, and damage is never text."""

import io
import random
from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundray.engine.sources.byte_stream import STEP_BYTES, ByteStream, NotStreamedError
from groundray.engine.sources.snappy import SnappyStream

BEFORE, AFTER = b"page header", b"the next page"


def stream_of(block: bytes) -> SnappyStream:
    handle = io.BytesIO(BEFORE + block + AFTER)
    source = ByteStream(handle, len(BEFORE), len(BEFORE) + len(block) + len(AFTER))
    return SnappyStream(source, len(block))


def compress(text: bytes) -> bytes:
    return bytes(pa.Codec("snappy").compress(text, asbytes=True))


def pieces(stream: SnappyStream, size: int) -> Iterator[bytes]:
    while stream.num_left:
        yield bytes(stream.take(min(size, stream.num_left)))


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """Random bytes with repetitions, near and far, in any proportion that is streamed."""
    seed, num_parts = draw(st.integers(0, 1 << 30)), draw(st.integers(0, 40))
    rng = random.Random(seed)
    text = bytearray()
    for _ in range(num_parts):
        if text and rng.random() < 0.5:
            start = rng.randrange(len(text))
            text += text[start : start + rng.randrange(200)] * rng.randrange(1, 4)
        else:
            text += rng.randbytes(rng.choice([1, 59, 60, 61, 256, 257, 70_000, 200_000]))
    return bytes(text)


@settings(max_examples=60)
@given(texts(), st.integers(1, 3 * STEP_BYTES))
def test_text_comes_out_as_it_went_in_whatever_is_taken_at_a_time(text: bytes, size: int) -> None:
    size = max(size, len(text) // 500)
    assert b"".join(pieces(stream_of(compress(text)), size)) == text


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (b"\x00", b""),
        (b"\x03\x08abc", b"abc"),
        (b"\x0a\x08abc\x0d\x03", b"abcabcabca"),  # 7 bytes from 3 before: it repeats itself
        (b"\x07\x08abc\x0e\x03\x00", b"abcabca"),  # 4 bytes, offset of two bytes
        (b"\x07\x08abc\x0f\x03\x00\x00\x00", b"abcabca"),  # and of four
        (b"\x05\xf0\x04hello", b"hello"),  # literals whose length has bytes of its own
        (b"\x05\xf4\x04\x00hello", b"hello"),
        (b"\x05\xfc\x04\x00\x00\x00hello", b"hello"),
    ],
)
def test_elements_are_those_of_the_description(block: bytes, text: bytes) -> None:
    assert b"".join(pieces(stream_of(block), 2)) == text


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(b"\x05\x08abc", id="the block ends before its text"),
        pytest.param(b"\x02\x08abc", id="an element is longer than the text"),
        pytest.param(b"\x03\x08abcd", id="bytes are left over"),
        pytest.param(b"\x07\x08abc\x0e\x04\x00", id="a copy from before the text"),
        pytest.param(b"\x07\x08abc\x0e\x00\x00", id="a copy of itself"),
        pytest.param(b"\x07\x08abc\x0e", id="the block ends within a copy"),
        pytest.param(b"\x05\xfc\x04", id="the block ends within a length"),
        pytest.param(b"\x80\x80\x80\x80\x80\x01", id="its size does not end"),
        pytest.param(compress(b"aaaaaaaa" * (1 << 20)), id="nearly nothing but copies"),
    ],
)
def test_what_is_damaged_or_full_of_copies_is_refused(block: bytes) -> None:
    with pytest.raises(NotStreamedError):
        for _ in pieces(stream_of(block), STEP_BYTES):
            pass


@given(texts().filter(len), st.data())
@settings(max_examples=100)
def test_a_block_that_is_cut_off_gives_nothing_but_text_before_the_error(
    text: bytes, data: st.DataObject
) -> None:
    block = compress(text)
    cut = data.draw(st.integers(6, max(6, len(block) - 1)))
    came: list[bytes] = []
    with pytest.raises(NotStreamedError):
        came.extend(pieces(stream_of(block[:cut] if cut < len(block) else block[:-1]), 50_000))
    assert text.startswith(b"".join(came))


@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_refused(block: bytes) -> None:
    """And where they are text, pyarrow makes the same of them."""
    try:
        text = b"".join(pieces(stream_of(block), 64))
    except NotStreamedError:
        return
    assert pa.Codec("snappy").decompress(block, len(text), asbytes=True) == text
