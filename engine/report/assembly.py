"""The page as one file: template, style, script and data, none of which can end another.

What a model said is in the data, and the data is JSON in which no `<` is left: no text can close
the element that it stands in. The script writes texts only as text nodes. Should either ever fail,
the page's policy still lets no script run but this very one, by its hash, and lets nothing be
fetched from anywhere.
"""

import base64
import html
import re
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Any

import orjson

_SCRIPTS = (
    "dom.js",
    "words.js",
    "headline.js",
    "curves.js",
    "classes.js",
    "mistakes.js",
    "health.js",
    "pictures.js",
    "filters.js",
    "gallery.js",
    "viewer.js",
    "main.js",
)
"""In the order in which they are joined."""

_SLOT = re.compile(r"\{\{(\w+)\}\}")


def assemble_page(title: str, data: Mapping[str, Any], thumbnails: list[str]) -> bytes:
    """The HTML of a report.

    Args:
        title: of the window.
        data: for the script.
        thumbnails: base64 JPEGs, by the index that the data's records have.
    """
    style = _read("report.css")
    script = "\n".join(_read(name) for name in _SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}}})();\n'
    slots = {
        "title": html.escape(title),
        "policy": (
            "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
            f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
        ),
        "style": style,
        "script": script,
        "data": to_json(data),
        "thumbnails": to_json(thumbnails),
    }
    return _SLOT.sub(lambda slot: slots[slot[1]], _read("report.html")).encode()


def to_json(value: Any) -> str:
    """JSON that can stand in a script element: a parser of HTML sees no markup in it."""
    return orjson.dumps(value).decode().replace("<", "\\u003c")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}"


def _read(name: str) -> str:
    return (files("groundray.engine.report") / "page" / name).read_text(encoding="utf-8")
