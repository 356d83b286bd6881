from groundray.formats import FORMATS, format_names
from tests.formats.formats_docs import BEGIN, DOCS, END, built_in_modules, generated, renewed


def test_the_docs_are_what_the_formats_say_today() -> None:
    docs = DOCS.read_text(encoding="utf-8")
    assert docs.count(BEGIN) == docs.count(END) == 1
    assert docs == renewed(docs), "run: python -m tests.formats.formats_docs"


def test_every_built_in_format_has_a_module_and_a_section() -> None:
    built_in = [name for name in format_names() if FORMATS.origin(name).startswith("groundray ")]
    assert list(built_in_modules()) == built_in
    for name in built_in:
        assert f"\n### `{name}`\n" in generated()
