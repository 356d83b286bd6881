from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from groundray.models.tokens import end_ids, split_text, until_end


def decoded(ids: Sequence[int]) -> str:
    return bytes(ids).decode(errors="replace")


@given(st.binary(max_size=40))
def test_texts_of_any_bytes_make_up_the_whole(content: bytes) -> None:
    assert "".join(split_text(list(content), decoded)) == decoded(list(content))


@given(st.text(max_size=20))
def test_a_character_is_its_last_tokens(text: str) -> None:
    texts = split_text(list(text.encode()), decoded)
    assert [part for part in texts if part] == list(text)


def test_a_decoder_that_takes_back_what_it_said_is_followed() -> None:
    spellings = {(1,): "ab", (1, 2): "ac!"}
    assert split_text([1, 2], lambda ids: spellings[tuple(ids)]) == ["a", "c!"]


def test_no_tokens_have_no_texts() -> None:
    assert split_text([], decoded) == []


def test_an_answer_without_end_is_not_whole() -> None:
    assert until_end([5, 6], {2}) == ([5, 6], 2, False)


def test_an_answer_that_ends_at_once_is_empty() -> None:
    assert until_end([2, 0], {2, 0}) == ([], 1, True)


class Holder:
    def __init__(self, eos_token_id: int | list[int] | None) -> None:
        self.eos_token_id = eos_token_id


def test_ends_are_gathered_from_all_who_name_some() -> None:
    assert end_ids(Holder(7), Holder([3, 7]), Holder(None), object()) == [3, 7]
