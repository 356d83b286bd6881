"""Text in pictures, in any script: never a box in place of a letter in silence.

A font ships with the package, so that a fresh machine writes Latin, Greek, Russian, Japanese kana
and Chinese, simplified and traditional; the user's own font files come after it. A character that
none of them has is written as its code, `[U+D55C]`, and told to the log.

Source: `NotoSansSC-subset.otf` is Noto Sans SC Regular 2.004 (SIL Open Font License 1.1: `OFL.txt`)
cut by `pyftsubset --no-hinting --layout-features=kern` to Latin-1, Latin Extended-A, the characters
of GB 2312, those of Big5's first level, and general punctuation.
"""

import logging
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from io import BytesIO
from itertools import groupby
from pathlib import Path

from PIL import ImageDraw, ImageFont

from groundray.formats.errors import SourceError

_log = logging.getLogger(__name__)
_NO_CHARACTER = "\U0010ffff"
_ELLIPSIS = "…"

Font = ImageFont.FreeTypeFont


class Typeface:
    """Fonts of one size that stand in for each other, character by character.

    Attributes:
        ascent, descent: pixels above and below the baseline that a line of text takes.
    """

    def __init__(self, size: int, *, more: Sequence[str | Path] = ()) -> None:
        self._fonts = [_own_font(size), *(_read_font(path, size) for path in more)]
        self._choices: dict[str, Font | None] = {" ": self._fonts[0]}
        self.ascent, self.descent = self._fonts[0].getmetrics()

    def width(self, text: str) -> int:
        """Pixels that a line of text takes."""
        return round(sum(font.getlength(run) for font, run in self._runs(text)))

    def write(self, canvas: ImageDraw.ImageDraw, x: float, y: float, text: str, fill: str) -> None:
        """Writes one line, its top left corner at (x, y)."""
        for font, run in self._runs(text):
            canvas.text((x, y + self.ascent), run, font=font, fill=fill, anchor="ls")
            x += font.getlength(run)

    def fit(self, text: str, width: int) -> str:
        """The text; where it takes more than `width` pixels, an ellipsis stands for its middle."""
        if len(text) > 2 * width:  # runaway text, which would take long to measure
            text = _keep_ends(text, 2 * width)
        if self.width(text) <= width:
            return text
        fits, too_long = 0, len(text)  # in characters
        while too_long - fits > 1:
            middle = (fits + too_long) // 2
            if self.width(_keep_ends(text, middle)) <= width:
                fits = middle
            else:
                too_long = middle
        return _keep_ends(text, fits)

    def _runs(self, text: str) -> Iterator[tuple[Font, str]]:
        """(font, longest piece of the text that it writes), left to right."""
        for font, characters in groupby(" ".join(text.split()), self._choose):
            run = "".join(characters)
            if font is None:
                yield self._fonts[0], "".join(f"[U+{ord(character):04X}]" for character in run)
            else:
                yield font, run

    def _choose(self, character: str) -> Font | None:
        if character not in self._choices:
            having = (font for font in self._fonts if _has_glyph(font, character))
            self._choices[character] = next(having, None)
            if self._choices[character] is None:
                _log.warning(
                    "no glyph for %r: it is drawn as U+%04X; give a font that has it with --font",
                    character,
                    ord(character),
                )
        return self._choices[character]


def _has_glyph(font: Font, character: str) -> bool:
    mask, missing = font.getmask(character), font.getmask(_NO_CHARACTER)
    return mask.size != missing.size or bytes(mask) != bytes(missing)


@cache
def _own_font_bytes() -> bytes:
    return files(__package__).joinpath("NotoSansSC-subset.otf").read_bytes()


def _own_font(size: int) -> Font:
    return ImageFont.truetype(BytesIO(_own_font_bytes()), size)


def _read_font(path: str | Path, size: int) -> Font:
    try:
        return ImageFont.truetype(str(path), size)
    except OSError as error:
        raise SourceError(f"cannot read the font {str(path)!r}: {error}") from error


def _keep_ends(text: str, count: int) -> str:
    """The first and the last characters, `count` in all, around an ellipsis."""
    last = count // 2
    return text[: count - last].rstrip() + _ELLIPSIS + text[len(text) - last :].lstrip()
