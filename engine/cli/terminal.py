"""What commands print: names of data sets, models' words and errors, harmless to a terminal."""

import re
import sys
import unicodedata
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult

_PLAIN = re.compile(r"[ -~\n\t]*")
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of characters that steer a terminal, turn text around, or cannot be printed."""

_JOINERS = "\u200c\u200d"  # of Persian words and of emoji


def harmless(text: str) -> str:
    r"""Text in which whatever is no visible character, newline or tab is written as `\u001b`.

    JSON stays the JSON that it was.

    >>> harmless("a\x1b[31mb\u202ec")
    'a\\u001b[31mb\\u202ec'
    """
    if _PLAIN.fullmatch(text):
        return text
    return "".join(map(_harmless, text))


def say(text: str = "", *, end: str = "\n") -> None:
    """Prints a text to stdout, harmlessly."""
    _write(sys.stdout, harmless(text) + end)


def complain(text: str) -> None:
    """Prints a line to stderr, harmlessly."""
    _write(sys.stderr, harmless(text) + "\n")


def console(*, stderr: bool = False) -> "Console":
    """A console whose texts are printed as they are: no markup, and harmlessly.

    Rich's own control codes pass.
    """
    from rich.console import Console, RenderHook
    from rich.segment import Segment

    class Cleaned:
        def __init__(self, renderable: "ConsoleRenderable") -> None:
            self._renderable = renderable

        def __rich_console__(self, console: Console, options: "ConsoleOptions") -> "RenderResult":
            for text, style, control in console.render(self._renderable, options):
                shown = text if control else _within(harmless(text), console.encoding)
                yield Segment(shown, style, control)

    class Cleaning(RenderHook):
        def process_renderables(
            self, renderables: "list[ConsoleRenderable]"
        ) -> "list[ConsoleRenderable]":
            return [Cleaned(each) for each in renderables]

    made = Console(stderr=stderr, highlight=False, markup=False, soft_wrap=True)
    made.push_render_hook(Cleaning())
    return made


def _harmless(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in _HARMFUL:
        return character
    if character in _JOINERS:
        return character
    return re.sub("....", r"\\u\g<0>", character.encode("utf-16-be", "surrogatepass").hex())


def _write(stream: TextIO, text: str) -> None:
    stream.write(_within(text, stream.encoding or "utf-8"))


def _within(text: str, encoding: str) -> str:
    """Text in which characters that an encoding lacks are escaped too."""
    return text.encode(encoding, "backslashreplace").decode(encoding)
