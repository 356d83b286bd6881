"""A format declared in a TOML file: the fields of `DeclaredFormat`, and no code.

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

import re
import sys
import types
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from groundray.formats.codecs import Bins, Grid
from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.errors import FormatError, GroundrayError, did_you_mean
from groundray.formats.geometry import sayable
from groundray.formats.grammars.bracket_prose import BracketProse
from groundray.formats.grammars.json_objects import Json
from groundray.formats.grammars.paired_tags import PairedTags
from groundray.formats.grammars.placeholders import Placeholders
from groundray.formats.grammars.point_tags import PointTags
from groundray.formats.grammars.token_run import TokenRun
from groundray.formats.patch_pairs import PatchPairs
from groundray.formats.resized_pixels import ResizedPixels
from groundray.formats.shapes import Corners, PercentPoints
from groundray.formats.tasks import TASKS, Task
from groundray.formats.trainer import trained_text
from groundray.formats.unit_decimals import UnitDecimals

CODECS: Mapping[str, type] = {
    "bins": Bins,
    "corners": Corners,
    "grid": Grid,
    "patch_pairs": PatchPairs,
    "percent_points": PercentPoints,
    "resized_pixels": ResizedPixels,
    "unit_decimals": UnitDecimals,
}
"""`kind` of a [codec]; the other keys are the fields of its class."""

GRAMMARS: Mapping[str, type] = {
    "bracket_prose": BracketProse,
    "json": Json,
    "paired_tags": PairedTags,
    "placeholders": Placeholders,
    "point_tags": PointTags,
    "token_run": TokenRun,
}
"""`kind` of a [grammar] or a [grounding_grammar]; the other keys are the fields of its class."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_BRACES = re.compile(r"\{[^{}]*\}|[{}]")
_FILLED = {"{classes}", "{expression}"}
_TABLES = ("prompts", "codec", "grammar", "grounding_grammar", "envelope")
_REQUIRED = ("name", "source", "nothing", "prompts", "codec", "grammar")

# A box that comes back further off, as a share of the image, was never encoded.
_ROUGHLY = 0.1

_SHOWN_CHARS = 500

_WORDS: Mapping[Any, str] = {
    str: "a text in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


def read_toml_format(content: bytes, where: str) -> DeclaredFormat:
    """The format that a TOML file declares.

    Args:
        content: of the file.
        where: what to call it in messages.

    Raises:
        FormatError: it is no TOML, a key is unknown, missing or wrong, or what the format writes
            cannot be read back.
    """
    declared = _parsed(content, where)
    known = [field.name for field in fields(DeclaredFormat) if field.name != "_"]
    _require_known(declared, known, where, "")
    for key in _REQUIRED:
        if key not in declared:
            raise FormatError(f"{where}: {key!r} is missing (needed: {', '.join(_REQUIRED)})")
    for key, value in declared.items():
        wanted = dict if key in _TABLES else str
        if not isinstance(value, wanted):
            words = f"a table, [{key}]" if wanted is dict else _WORDS[str]
            raise _wrong(where, key, value, words)
    _check_texts(declared, where)
    made = DeclaredFormat(
        declared["name"],
        **{key: value for key, value in declared.items() if key not in {"name", *_TABLES}},
        prompts=dict(declared["prompts"]),
        codec=_one_of_kinds(CODECS, declared["codec"], where, "codec"),
        **{
            key: _one_of_kinds(GRAMMARS, declared[key], where, key)
            for key in ("grammar", "grounding_grammar")
            if key in declared
        },
        envelope=_made(Envelope, declared.get("envelope", {}), where, "envelope"),
    )
    for task in made.prompts:
        _try(made, task, where)
    return made


def _parsed(content: bytes, where: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        declared: dict[str, Any] = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:  # of the encoding, too; nested too deep
        raise FormatError(f"{where}: not a TOML file: {error}") from error
    return declared


def _check_texts(declared: Mapping[str, Any], where: str) -> None:
    """Checks the values that must be more than some text."""
    name = declared["name"]
    if not _NAME.fullmatch(name) or name.endswith(".toml"):  # that would be taken for a path
        right = "small letters, digits, and . _ - between, no .toml at the end: a folder"
        raise _wrong(where, "name", name, right)
    if not declared["nothing"].strip():
        raise _wrong(
            where, "nothing", declared["nothing"], "words for nothing: trainers skip empty answers"
        )
    prompts = declared["prompts"]
    if not prompts:
        raise FormatError(f"{where}: [prompts] is empty: give {' or '.join(TASKS)}")
    _require_known(prompts, TASKS, where, "prompts.")
    for task, prompt in prompts.items():
        if not isinstance(prompt, str):
            raise _wrong(where, f"prompts.{task}", prompt, _WORDS[str])
        for braces in _BRACES.findall(prompt):
            if braces not in _FILLED:
                raise _wrong(
                    where, f"prompts.{task}", prompt, f"no {braces} but {' and '.join(_FILLED)}"
                )


def _one_of_kinds(kinds: Mapping[str, type], table: Mapping[str, Any], where: str, key: str) -> Any:
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        raise _wrong(
            where, f"{key}.kind", kind, f"one of {', '.join(kinds)}{did_you_mean(str(kind), kinds)}"
        )
    rest = {name: value for name, value in table.items() if name != "kind"}
    return _made(kinds[kind], rest, where, key)


def _made(made: type, table: Mapping[str, Any], where: str, key: str) -> Any:
    """An instance of a dataclass with the fields that a table gives."""
    known = {field.name: field for field in fields(made)}
    _require_known(table, known, where, f"{key}.")
    hints = get_type_hints(made)
    values = {}
    for name, field in known.items():
        if name in table:
            values[name] = _value(hints[name], table[name], where, f"{key}.{name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            if not _fits(hints[name], None):
                raise FormatError(f"{where}: {key}.{name} is missing: {_words(hints[name])}")
            values[name] = None
    try:
        return made(**values)
    except FormatError as error:
        raise FormatError(f"{where}: [{key}] {error}") from error


def _value(hint: Any, value: Any, where: str, key: str) -> Any:
    """A TOML value as a field's type has it."""
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(value, dict):
        return _made(hint, value, where, key)
    if not _fits(hint, value):
        raise _wrong(where, key, value, _words(hint))
    return tuple(value) if isinstance(value, list) else value


def _fits(hint: Any, value: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return value in arguments
    if origin in {Union, types.UnionType}:
        return any(_fits(argument, value) for argument in arguments)
    if origin is tuple:
        if not isinstance(value, list):
            return False
        kinds = arguments[:1] * len(value) if Ellipsis in arguments else arguments
        return len(kinds) == len(value) and all(map(_fits, kinds, value))
    return value is None if hint is type(None) else type(value) is hint


def _words(hint: Any) -> str:
    """What a value of a type looks like in TOML."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return f"one of {', '.join(map(repr, arguments))}"
    if origin in {Union, types.UnionType}:
        return " or ".join(_words(each) for each in arguments if each is not type(None))
    if origin is tuple:
        count = "" if Ellipsis in arguments else f"{len(arguments)} "
        return f"a list of {count}texts in quotes"
    return _WORDS.get(hint, "a table")


def _try(made: DeclaredFormat, task: Task, where: str) -> None:
    """Writes two objects, and none, and reads them back."""
    size = (640.0, 428.0)
    xyxy = np.array([[146.0, 137, 615, 415], [35, 61, 203, 214]])
    expression = "it" if task == "grounding" else None
    try:
        with np.errstate(all="ignore"):
            wire = made.encode(xyxy, np.array([size, size])).tolist()
            decoded = made.decode(np.array(wire), size)
        rendered = made.render(task, expression=expression, categories=["cat", "dog"], wire=wire)
        text = trained_text(rendered)
    except (GroundrayError, ArithmeticError, TypeError, ValueError, LookupError) as error:
        raise FormatError(f"{where}: the format cannot write {task}: {error}") from error
    if not np.allclose(decoded, sayable(xyxy, made.geometry), rtol=0, atol=_ROUGHLY * max(size)):
        raise FormatError(f"{where}: [codec] gives {decoded.tolist()} back for {xyxy.tolist()}")
    answer = made.parse(text)
    found = sorted(each.wire for each in answer.objects)
    if found != sorted(map(tuple, wire)) or answer.issues:
        read = f"{found} {', '.join(answer.issues)}".rstrip()
        raise FormatError(
            f"{where}: the format cannot read back what it writes for {task}: "
            f"{text[:_SHOWN_CHARS]!r} is read as {read[:_SHOWN_CHARS]}"
        )
    empty = made.parse(made.nothing)
    if empty.objects or empty.issues:
        raise _wrong(where, "nothing", made.nothing, "words that are read as 'nothing there'")


def _require_known(table: Mapping[str, Any], known: Collection[str], where: str, at: str) -> None:
    for key in table:
        if key not in known:
            hint = did_you_mean(str(key), known)
            raise FormatError(
                f"{where}: unknown key {at + key!r}{hint} (known: {', '.join(known)})"
            )


def _wrong(where: str, key: str, value: object, right: str) -> FormatError:
    return FormatError(f"{where}: {key} = {repr(value)[:_SHOWN_CHARS]}: expected {right}")
