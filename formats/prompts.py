"""What prompts are filled with."""

from collections.abc import Iterable

from groundray.formats.base import BoxFormat


def class_list(format_: BoxFormat, classes: Iterable[str]) -> str:
    """Text for `{classes}`, with what the family writes between two.

    That is a format's attribute `class_separator`, or a comma and a space where it has none.
    """
    separator: str = getattr(format_, "class_separator", ", ")
    return separator.join(classes)
