import logging

import pytest
from PIL import Image, ImageDraw

from groundray.engine.drawing.fonts import Typeface
from groundray.formats.errors import SourceError


def written(text: str, size: int = 20) -> Image.Image:
    image = Image.new("L", (300, 40), 255)
    Typeface(size).write(ImageDraw.Draw(image), 2, 2, text, "black")
    return image


@pytest.mark.parametrize("text", ["person", "Größe", "裂纹", "電視", "ねこ", "кот", "ÿ ≤ 5℃"])
def test_the_fonts_own_scripts_are_written_without_a_word(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert written(text).getextrema() == (0, 255)
    assert not caplog.records


def test_different_chinese_characters_look_different() -> None:
    assert written("狗").tobytes() != written("猫").tobytes()


def test_a_character_that_no_font_has_is_written_as_its_code_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        face = Typeface(20)
        assert face.width("a 한 한") == face.width("a [U+D55C] [U+D55C]")
    assert len(caplog.records) == 1
    assert "U+D55C" in caplog.text


def test_line_breaks_become_spaces() -> None:
    assert written("a\nb\tc").tobytes() == written("a b c").tobytes()


def test_text_that_fits_is_left_alone() -> None:
    assert Typeface(20).fit("dining table", 500) == "dining table"


@pytest.mark.parametrize("width", range(0, 120, 7))
def test_text_that_is_too_long_keeps_its_ends(width: int) -> None:
    face = Typeface(20)
    fitted = face.fit("dining table", width)
    head, ellipsis, tail = fitted.partition("…")
    assert ellipsis or fitted == "dining table"
    assert "dining table".startswith(head)
    assert "dining table".endswith(tail)
    assert face.width(fitted) <= max(width, face.width("…"))


def test_a_font_that_cannot_be_read_is_named(tmp_path: object) -> None:
    with pytest.raises(SourceError, match="nofont"):
        Typeface(20, more=[f"{tmp_path}/nofont.ttf"])
