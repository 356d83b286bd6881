"""Class names, however Hugging Face's descriptions spell them."""

import json
from typing import Any

import pyarrow as pa
import pytest

from groundray.engine.sources.features import (
    card_class_names,
    footer_class_names,
    infos_class_names,
)

LABEL = {"names": ["a", "b"], "_type": "ClassLabel"}
OLD = {"num_classes": 2, "names": ["a", "b"], "id": None, "_type": "ClassLabel"}
EXPECTED = {("o", "c"): ("a", "b")}


def footer(features: Any) -> pa.Schema:
    key = json.dumps({"info": {"features": features}})
    return pa.schema([("o", pa.int64())], metadata={"huggingface": key})


@pytest.mark.parametrize(
    "node",
    [
        {"feature": {"c": LABEL}, "_type": "Sequence"},
        {"feature": {"c": OLD}, "length": -1, "id": None, "_type": "Sequence"},
        {"c": {"feature": LABEL, "_type": "List"}},
        {"c": {"feature": LABEL, "_type": "LargeList"}},
        {"c": {"feature": LABEL, "length": 4, "_type": "Sequence"}},
        {"c": [LABEL]},
        [{"c": LABEL}],
        {"feature": {"c": LABEL}, "_type": "List"},
        {"c": LABEL},
    ],
)
def test_every_spelling_of_a_list_is_understood(node: Any) -> None:
    assert footer_class_names(footer({"o": node})) == EXPECTED


@pytest.mark.parametrize("text", ["", "{", "[]", '{"info": {}}', '{"info": {"features": 3}}'])
def test_a_footer_that_says_nothing_gives_nothing(text: str) -> None:
    assert footer_class_names(pa.schema([], metadata={"huggingface": text})) == {}
    assert footer_class_names(pa.schema([])) == {}


def test_the_configuration_with_the_same_columns_counts() -> None:
    infos = {
        "other": {"features": {"x": LABEL}},
        "mine": {"features": {"o": {"c": LABEL}, "i": {"_type": "Image"}}},
        "odd": [],
    }
    assert infos_class_names(json.dumps(infos), {"o", "i"}) == EXPECTED
    assert infos_class_names("{", {"o"}) == {}


def test_names_that_configurations_disagree_on_are_left_out() -> None:
    other = {"names": ["b", "a"], "_type": "ClassLabel"}
    infos = {"one": {"features": {"c": LABEL}}, "two": {"features": {"c": other}}}
    assert infos_class_names(json.dumps(infos), {"c"}) == {}


CARD = """---
dataset_info:
{info}
---
"""
FIELDS = """
  features:
  - name: o
    {kind}:
    - name: c
      dtype:
        class_label:
          names:
            '0': a
            '1': b
  - name: i
    dtype: image
"""


@pytest.mark.parametrize("kind", ["sequence", "struct", "list"])
def test_a_card_is_understood(kind: str) -> None:
    text = CARD.format(info=FIELDS.format(kind=kind))
    assert card_class_names(text, {"o", "i"}) == EXPECTED


def test_a_card_with_several_configurations_is_understood() -> None:
    lines = FIELDS.format(kind="struct").strip("\n").splitlines()
    info = "- config_name: default\n" + "\n".join(lines)
    assert card_class_names(CARD.format(info=info), {"o", "i"}) == EXPECTED


@pytest.mark.parametrize("text", ["# Title", "---\n: [\n---\n", "---\na: 1\n---\n", "---\n"])
def test_a_card_that_says_nothing_gives_nothing(text: str) -> None:
    assert card_class_names(text, {"o"}) == {}
