"""Columns of text that are Arrow's until they are looked at."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from groundray.engine.arrays import from_texts
from groundray.engine.texts import Texts

AnyTexts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=8)


@settings(deadline=None)  # the first call loads Arrow's parts
@given(AnyTexts, st.data())
def test_they_are_a_sequence_as_a_list_is(given_texts: list[str], data: st.DataObject) -> None:
    texts = Texts(from_texts(given_texts))
    start, stop = data.draw(st.tuples(st.integers(-9, 9), st.integers(-9, 9)))
    assert texts == given_texts
    assert list(texts) == given_texts
    assert [texts[i] for i in range(len(texts))] == given_texts
    assert texts[start:stop] == given_texts[start:stop]
    assert texts != [*given_texts, "more"]


@settings(deadline=None)
@given(st.data())
def test_some_can_be_taken_in_any_sequence(data: st.DataObject) -> None:
    given_texts = ["a", "", "图", "d"]
    chosen = data.draw(st.lists(st.integers(0, 3)))
    texts = Texts(from_texts(["before", *given_texts]).slice(1))
    taken = texts.take(np.array(chosen, dtype=np.int64))
    assert taken == [given_texts[i] for i in chosen]
    assert taken.array.to_pylist() == [given_texts[i] for i in chosen]
