"""Formats that are declared without Python."""

import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from groundray.formats import FORMATS, FormatError, ParsedObject, get_format, registered_name
from groundray.formats.codecs import Grid
from groundray.formats.declared import DeclaredFormat
from groundray.formats.grammars.paired_tags import PairedTags
from groundray.formats.resized_pixels import ResizedPixels
from groundray.formats.toml_format import read_toml_format

DOCS = Path(__file__).parents[2] / "docs" / "plugins.md"

OURS = """
name = "ours"
source = "our own fine-tune"
nothing = "[]"

[prompts]
detection = "Find all of: {classes}."

[codec]
kind = "grid"

[grammar]
kind = "json"
item = '{"name": {label}, "box": {box}}'
"""


def read(text: str) -> DeclaredFormat:
    return read_toml_format(text.encode(), "ours.toml")


def documented() -> str:
    shown = re.search(r"`crane\.toml`:\n\n```toml\n(.*?)```\n", DOCS.read_text("utf-8"), re.DOTALL)
    assert shown is not None
    return shown.group(1)


def test_what_a_file_leaves_out_is_what_the_classes_say() -> None:
    ours = read(OURS)
    assert ours.codec == Grid()
    assert ours.system is None
    assert ours.confidence == "not stated"
    assert ours.parse('[{"name": "cat", "box": [1, 2, 3, 4]}]').objects == (
        ParsedObject("cat", (1, 2, 3, 4)),
    )


def test_every_table_reaches_its_class() -> None:
    made = read(
        """
        name = "tagged"
        source = "made up"
        confidence = "unverified: everything"
        system = "Be brief."
        nothing = "None"

        [prompts]
        detection = "Find all of: {classes}."
        grounding = "Find {expression}."

        [codec]
        kind = "resized_pixels"
        factor = 32
        max_pixels = 200000

        [grammar]
        kind = "paired_tags"
        label_tags = ["<a>", "</a>"]
        box_tags = ["<b>", "</b>"]
        comma = " "
        between_boxes = "; "

        [grounding_grammar]
        kind = "paired_tags"
        box_tags = ["<b>", "</b>"]
        comma = " "
        between_boxes = "; "

        [envelope]
        end_tokens = ["<end>"]
        reserved = ["<a>"]
        """
    )
    assert made.codec == ResizedPixels(factor=32, max_pixels=200_000)
    assert made.grammar == PairedTags(
        ("<a>", "</a>"), ("<b>", "</b>"), comma=" ", between_boxes="; "
    )
    assert made.grounding_grammar == PairedTags(
        None, ("<b>", "</b>"), comma=" ", between_boxes="; "
    )
    assert made.envelope.end_tokens == ("<end>",)
    assert (made.system, made.confidence) == ("Be brief.", "unverified: everything")
    assert made.parse("<a>cat</a><b>1 2 3 4</b><end>x").objects == (
        ParsedObject("cat", (1, 2, 3, 4)),
    )


@pytest.mark.parametrize(
    "codec",
    [
        'kind = "bins"\ncount = 100',
        'kind = "grid"\nsteps = 1023\norder = "yxyx"',
        'kind = "resized_pixels"',
        'kind = "unit_decimals"\nsquare = true',
    ],
)
def test_every_space_of_boxes_can_be_declared(codec: str) -> None:
    read(OURS.replace('kind = "grid"', codec))


@pytest.mark.parametrize(
    ("codec", "grammar"),
    [
        ('kind = "percent_points"', 'kind = "point_tags"'),
        ('kind = "patch_pairs"', 'kind = "token_run"\ntoken = "<p%04d>"\ncount = 2'),
        (
            'kind = "corners"\n[codec.grid]\nsteps = 1000',
            'kind = "token_run"\ntoken = "<p%d>"\ncount = 8',
        ),
        ('kind = "grid"', 'kind = "bracket_prose"\nnumber = "%03d"'),
        ('kind = "grid"', 'kind = "placeholders"'),
    ],
)
def test_every_grammar_can_be_declared(codec: str, grammar: str) -> None:
    text = OURS.replace('kind = "grid"', codec).replace('"[]"', '"None"')
    made = read(text[: text.index("[grammar]")] + f"[grammar]\n{grammar}")
    box, size = np.array([[146.0, 137, 615, 415]]), np.array([[640.0, 428]])
    assert len(made.encode(box, size)) == 1


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("name =", "name", "not a TOML file: "),
        ('name = "ours"', "", "'name' is missing (needed: name, source, nothing, "),
        ('name = "ours"', 'name = "../up"', "name = '../up': expected small letters, digits"),
        ('name = "ours"', 'name = "ours.toml"', "name = 'ours.toml': expected small letters, "),
        ('name = "ours"', "name = 3", "name = 3: expected a text in quotes"),
        ("source", "sourse", "unknown key 'sourse'; did you mean 'source'? (known: name, "),
        ('nothing = "[]"', 'nothing = " "', "nothing = ' ': expected words for nothing"),
        ('nothing = "[]"', 'nothing = "abc"', "nothing = 'abc': expected words that are read as"),
        (
            "detection =",
            "caption =",
            "unknown key 'prompts.caption'; did you mean 'detection'? (kn",
        ),
        ("{classes}.", "{class}.", "prompts.detection = 'Find all of: {class}.': expected no {cl"),
        ('"grid"', '"gird"', "codec.kind = 'gird': expected one of bins, corners, grid, "),
        ('"grid"', '"gird"', "; did you mean 'grid'?"),
        ('kind = "grid"', "steps = 10", "codec.kind = None: expected one of bins"),
        ('"grid"', '"grid"\nstep = 10', "unknown key 'codec.step'; did you mean 'steps'?"),
        ('"grid"', '"grid"\nsteps = "10"', "codec.steps = '10': expected a whole number"),
        ('"grid"', '"grid"\nsteps = 1.5', "codec.steps = 1.5: expected a whole number"),
        ('"grid"', '"grid"\nsteps = 0', "[codec] gives "),
        ('"grid"', '"grid"\nrounding = "up"', "rounding = 'up': expected one of 'half_even', 'fl"),
        ("item = ", "itme = ", "unknown key 'grammar.itme'; did you mean 'item'?"),
        ('item = \'{"name": {label}, "box": {box}}\'', "", "grammar.item is missing: a text in q"),
        ("{box}", "box", '[grammar] item = \'{"name": {label}, "box": box}\': expected one {box}'),
        ("item =", 'brackets = "[]"\nitem =', "grammar.brackets = '[]': expected a list of 2 text"),
        ("item =", "count = 3\nitem =", "the format cannot write detection: "),
        ("item =", "count = 999999999\nitem =", "[grammar] count = 999999999: expected 1 to 16"),
        ("item =", f"brackets = {'[' * 3000}\nitem =", "not a TOML file: "),
        ('"name": {label}', '"colour": {label}', None),
        ('"box": {box}', '"size": {box}', "cannot read back what it writes for detection: "),
        ("[prompts]\ndetection", "prompts", "expected a table, [prompts]"),
    ],
)
def test_an_error_names_the_key_the_value_and_what_is_right(
    before: str, after: str, message: str | None
) -> None:
    assert before in OURS
    text = OURS.replace(before, after)
    if message is None:
        read(text)
        return
    with pytest.raises(FormatError) as caught:
        read(text)
    assert str(caught.value).startswith("ours.toml: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("grammar", "message"),
    [
        (
            'kind = "token_run"\ntoken = "<loc%0999999999d>"',
            "token = '<loc%0999999999d>': expected",
        ),
        ('kind = "token_run"\ntoken = "<loc>"', "token = '<loc>': expected one place for a number"),
        ('kind = "token_run"\ntoken = "<%d_%d>"', "token = '<%d_%d>': expected one place for a nu"),
        (
            'kind = "paired_tags"\nbox_tags = ["<", ">"]\nnumber = "%s%%"',
            "number = '%s%%': expected one place for a number",
        ),
        ('kind = "bracket_prose"\nnumber = "%.999999999f"', "number = '%.999999999f': expected a"),
    ],
)
def test_templates_of_numbers_are_refused_before_they_are_filled(
    grammar: str, message: str
) -> None:
    text = OURS[: OURS.index("[grammar]")] + f"[grammar]\n{grammar}"
    with pytest.raises(FormatError) as caught:
        read(text)
    assert message in str(caught.value)


def test_messages_show_the_beginning_of_a_long_value() -> None:
    with pytest.raises(FormatError) as caught:
        read(OURS.replace('"ours"', f'"{"x" * 100_000}"'))
    assert len(str(caught.value)) < 1000


def test_a_path_is_taken_for_a_name(tmp_path: Path) -> None:
    path = tmp_path / "some.toml"
    path.write_text(OURS.replace('"ours"', '"taken-for-a-name"'))
    format_ = get_format(str(path))
    assert registered_name(str(path)) == format_.name == "taken-for-a-name"
    assert get_format("taken-for-a-name") is format_
    assert FORMATS.origin("taken-for-a-name") == str(path)
    assert pickle.loads(pickle.dumps(format_)) == format_  # noqa: S301


def test_an_edited_file_takes_the_place_of_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "edited.toml"
    path.write_text(OURS.replace('"ours"', '"edited-toml"'))
    assert get_format(str(path)).source == "our own fine-tune"
    path.write_text(OURS.replace('"ours"', '"edited-toml"').replace("fine-tune", "second one"))
    assert get_format(str(path)).source == "our own second one"


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "taken.toml"
    path.write_text(OURS.replace('"ours"', '"qwen3-vl"'))
    with pytest.raises(FormatError, match="'qwen3-vl' is defined twice"):
        get_format(str(path))


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(FormatError, match=r"'no/such\.toml' cannot be read"):
        get_format("no/such.toml")


def test_the_example_of_the_docs_is_whole() -> None:
    crane = read_toml_format(documented().encode(), "crane.toml")
    wire = crane.encode(np.array([[146.0, 137, 615, 415]]), np.array([[640.0, 428]])).tolist()
    text = crane.render("detection", expression=None, categories=["bowl"], wire=wire).assistant
    assert f"\n```\n{text}\n```\n" in DOCS.read_text("utf-8")
