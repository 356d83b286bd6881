"""Declared layouts: a preset by name, or a TOML file with the fields of `Layout`."""

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from groundray.engine.boxes import SPACES
from groundray.engine.sources.class_tables import CLASS_LISTS
from groundray.engine.sources.draft import Draft
from groundray.engine.sources.layout import ORDERS, Path
from groundray.engine.sources.places import open_file
from groundray.engine.sources.presets import PRESETS
from groundray.formats.errors import LayoutError, did_you_mean
from groundray.formats.tasks import TASKS
from groundray.models.urls import public_name

_PATH = re.compile(r'\s*(?:"([^"]+)"|([^."]+))\s*(?:\.|$)')
_SHOWN_CHARS = 500
_Parser = Callable[[Any], Any]


def read_declared(layout: str) -> Draft:
    """What a `--layout` value declares; the rest is found from the data.

    Args:
        layout: name of a preset, or path or URL of a TOML file.

    Raises:
        LayoutError: there is no such preset or file, or a field in it is wrong.
    """
    if not layout.endswith(".toml"):
        if layout not in PRESETS:
            raise LayoutError(
                f"unknown layout {layout!r}{did_you_mean(layout, PRESETS)} "
                f"(known: {', '.join(PRESETS)}, or a FILE.toml)"
            )
        draft = parse_fields(PRESETS[layout].fields, where=f"layout {layout}")
        draft.reasons.append(f"layout {layout}: {PRESETS[layout].description}")
        return draft
    draft = parse_fields(_read_toml(layout), where=public_name(layout))
    draft.reasons.append(f"layout from {public_name(layout).rsplit('/', 1)[-1]}")
    return draft


def parse_fields(declared: Mapping[str, Any], *, where: str) -> Draft:
    """A draft with the declared fields.

    Args:
        declared: values as TOML gives them.
        where: what to call the place of an error.

    Raises:
        LayoutError: a field does not exist, or its value is not what it takes.
    """
    known = [field.name for field in fields(Draft) if field.name != "reasons"]
    draft = Draft()
    for name, value in declared.items():
        if name not in known:
            raise LayoutError(
                f"{where}: unknown field {name!r}{did_you_mean(name, known)} "
                f"(known: {', '.join(known)})"
            )
        try:
            parse: _Parser = _PARSERS.get(name, parse_path)
            setattr(draft, name, parse(value))
        except ValueError as error:
            shown = repr(value)[:_SHOWN_CHARS]
            raise LayoutError(f"{where}: {name} = {shown}: {error}") from error
    return draft


def parse_path(value: Any) -> Path:
    """A path from dotted text, or from a list of names.

    In dotted text a name that holds a dot itself stands in double quotes: `"inst.rles".size`.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return tuple(value)
    if not isinstance(value, str) or not value:
        raise ValueError("expected a path such as 'objects.bbox', or a list of names")
    names = []
    position = 0
    while position < len(value):
        match = _PATH.match(value, position)
        if match is None:
            raise ValueError("expected names between dots, those that hold a dot in double quotes")
        names.append((match[1] or match[2]).strip())
        position = match.end()
    return tuple(names)


def _parse_boxes(value: Any) -> tuple[Path, ...]:
    if not isinstance(value, list):
        return (parse_path(value),)
    if len(value) != 4:
        raise ValueError("expected one path, or a list of four in the sequence that `order` spells")
    return tuple(parse_path(path) for path in value)


def _parse_names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) and value in CLASS_LISTS:
        return CLASS_LISTS[value]
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise ValueError(f"expected a list of class names by id, or one of {', '.join(CLASS_LISTS)}")


def _one_of(choices: tuple[str, ...]) -> _Parser:
    def parse(value: Any) -> Any:
        if value not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return value

    return parse


def _of_type(type_: type, words: str) -> _Parser:
    def parse(value: Any) -> Any:
        if type(value) is not type_:
            raise ValueError(f"expected {words}")
        return value

    return parse


_PARSERS: Mapping[str, _Parser] = {
    "task": _one_of(TASKS),
    "boxes": _parse_boxes,
    "order": _one_of(ORDERS),
    "space": _one_of(SPACES),
    "names": _parse_names,
    "id_offset": _of_type(int, "a whole number"),
    "id_table": _one_of(("coco91",)),
    "grouped": _of_type(bool, "true or false"),
}


def _read_toml(place: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        with open_file(place) as handle:
            declared: dict[str, Any] = tomllib.loads(bytes(handle.read()).decode())
    except OSError as error:
        raise LayoutError(f"{public_name(place)}: the layout file cannot be read") from error
    except (ValueError, RecursionError) as error:  # of the encoding, too; nested too deep
        raise LayoutError(f"{public_name(place)}: not TOML: {error}") from error
    return declared
