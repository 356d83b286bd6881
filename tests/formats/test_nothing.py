import pytest

from groundray.formats.nothing import says_nothing


@pytest.mark.parametrize(
    "text",
    [
        "None",
        "There is no dog in the image.",
        "I cannot see a dog in this image.",
        "I am unable to detect any cup in the image.",
        "I do not see any people in the picture.",
        "图中没有猫。",
    ],
)
def test_a_search_without_a_find_says_nothing(text: str) -> None:
    assert says_nothing(text)


@pytest.mark.parametrize(
    "text",
    [
        "I cannot see the image.",
        "I'm unable to view images directly.",
        "No image was provided.",
        "Sorry, I cannot help with that.",
        "cat",
        "",
    ],
)
def test_a_refusal_is_no_answer(text: str) -> None:
    assert not says_nothing(text)
