"""One file from its parts, none of which can end another."""

import base64
import json
import re
from hashlib import sha256
from html.parser import HTMLParser

from groundray.engine.report.assembly import assemble_page, to_json
from tests.engine.report.reports_made import HOSTILE


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self.tags.append(tag)


def tags(page: bytes) -> list[str]:
    elements = Elements()
    elements.feed(page.decode())
    return elements.tags


def test_hostile_data_adds_no_element() -> None:
    data = {"runs": [HOSTILE], HOSTILE: 1}
    assert tags(assemble_page(HOSTILE, data, [HOSTILE])) == tags(assemble_page("a", {}, []))


def test_json_is_whole_and_holds_no_markup() -> None:
    text = to_json({"a": HOSTILE})
    assert "<" not in text
    assert json.loads(text) == {"a": HOSTILE}


def test_the_policy_names_the_very_script_and_style() -> None:
    page = assemble_page("a", {}, []).decode()
    for tag in ("style", "script"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in page


def test_nothing_is_fetched() -> None:
    page = assemble_page("a", {}, []).decode()
    assert re.findall(r"""(?:src|href)="(?!#|data:)[^"]*""", page) == []
    assert "@import" not in page
    assert "url(" not in page


def test_no_slot_is_left() -> None:
    assert b"{{" not in assemble_page("a", {}, [])
