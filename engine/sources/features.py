"""Features: class names in Hugging Face's descriptions of a data set, however they are spelled.

The footer key `huggingface`, dataset_infos.json and the `dataset_info` of a README each describe
the columns. Old `datasets` wrote every default (`"id": null`, `"num_classes": 80`) and `Sequence`,
new ones write a compact form and `List`; a list may also be a JSON list of one element.
"""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from groundray.engine.sources.layout import Path

ClassNames = Mapping[Path, tuple[str, ...]]
"""Class names by the path of the field that holds their numbers."""


def footer_class_names(schema: pa.Schema) -> ClassNames:
    """Class names in the footer of a parquet file; none where the key is absent or unusable."""
    text = (schema.metadata or {}).get(b"huggingface")
    if text is None:
        return {}
    try:
        features = json.loads(text)["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    return _names_in(features)


def infos_class_names(text: str | bytes, columns: set[str]) -> ClassNames:
    """Class names in a dataset_infos.json, from the configurations that have these columns.

    Names that configurations disagree on are left out.
    """
    try:
        infos = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(infos, dict):
        return {}
    found: list[Any] = [info.get("features") for info in infos.values() if isinstance(info, dict)]
    return _agreed([features for features in found if _is_of(features, columns)])


def card_class_names(text: str, columns: set[str]) -> ClassNames:
    """Class names in the `dataset_info` of a README's front matter."""
    import yaml

    parts = text.split("---", 2)
    if len(parts) < 3 or parts[0].strip():
        return {}
    try:
        front = yaml.safe_load(parts[1])
    except yaml.YAMLError:
        return {}
    infos = front.get("dataset_info") if isinstance(front, dict) else None
    infos = infos if isinstance(infos, list) else [infos]
    found = [_from_card(info.get("features")) for info in infos if isinstance(info, dict)]
    return _agreed([features for features in found if _is_of(features, columns)])


def _is_of(features: Any, columns: set[str]) -> bool:
    """Whether a description is of a table with these columns, give or take a few on one side."""
    return isinstance(features, dict) and (columns <= features.keys() or features.keys() <= columns)


def _agreed(descriptions: list[Any]) -> ClassNames:
    names = [_names_in(features) for features in descriptions]
    paths = {path for each in names for path in each}
    choices = {path: {each[path] for each in names if path in each} for path in paths}
    return {path: next(iter(found)) for path, found in choices.items() if len(found) == 1}


def _names_in(node: Any, path: Path = ()) -> dict[Path, tuple[str, ...]]:
    """Walks a description: a ClassLabel, a list of something, or fields by name."""
    if isinstance(node, list):
        return _names_in(node[0], path) if node else {}
    if not isinstance(node, dict):
        return {}
    kind = node.get("_type")
    if kind == "ClassLabel":
        return {path: tuple(map(str, node["names"]))} if node.get("names") else {}
    if isinstance(kind, str):
        return _names_in(node.get("feature"), path)
    found: dict[Path, tuple[str, ...]] = {}
    for name, child in node.items():
        found.update(_names_in(child, (*path, name)))
    return found


def _from_card(node: Any) -> Any:
    """A README's description in the form of the footer's.

    There a field is `{name, dtype}`, `{name, struct: [...]}`, `{name, list: ...}` or
    `{name, sequence: ...}`; a ClassLabel is `dtype: {class_label: {names: {'0': cat, '1': dog}}}`.
    """
    if isinstance(node, list):
        return {field["name"]: _from_card(field) for field in node if _is_field(field)}
    if not isinstance(node, dict):
        return None
    if "class_label" in node:
        return {"_type": "ClassLabel", "names": _card_names(node["class_label"])}
    for key in ("list", "sequence"):
        if key in node:
            return {"_type": "List", "feature": _from_card(node[key])}
    return _from_card(node.get("struct", node.get("dtype")))


def _is_field(node: Any) -> bool:
    return isinstance(node, dict) and isinstance(node.get("name"), str)


def _card_names(label: Any) -> list[str]:
    names = label.get("names") if isinstance(label, dict) else None
    if isinstance(names, dict):
        numbered = {int(number): name for number, name in names.items() if str(number).isdigit()}
        return [str(numbered[number]) for number in sorted(numbered)]
    return [str(name) for name in names] if isinstance(names, list) else []
