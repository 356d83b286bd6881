"""A recipe: how a family is trained by one method, as settings of the trainer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from groundray.formats.errors import ModelError

OLD_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "attn_impl": "_attn_implementation",
        "expert_parallel_degree": "expert_model_parallel_size",
        "pipeline_parallel_degree": "pipeline_model_parallel_size",
        "tensor_parallel_degree": "tensor_model_parallel_size",
    }
)
"""Keys that examples of PaddleFormers 1.0 and before have, and what 1.2 calls them."""

_RECOMPUTE = "recompute"
_MOST_VALUES = 10_000
_KEY = re.compile(r"^([A-Za-z_]\w*)\s*:")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One family, one method.

    Attributes:
        name: as typed after `--recipe`.
        file: YAML of the trainer's settings, one key a line, with comments; it names neither data
            nor model nor output.
        formats: whose data it is for; the first whole recipe of a format is that format's default.
        model_types: `model_type` of the checkpoints that it is for; empty for any.
        gpus: that it is written for, in all; 0 for a CPU.
        source: where its facts come from.
        tried: what of it was run, and what was not.
        text: content of a file that is none of ours; read from `file` where empty.
    """

    name: str
    file: Path
    formats: tuple[str, ...] = ()
    model_types: tuple[str, ...] = ()
    gpus: int = 8
    source: str = "a file of yours"
    tried: str = "not by us"
    text: str = field(default="", repr=False)

    @property
    def yaml(self) -> str:
        """The file's text, comments and all."""
        return self.text or self.file.read_text("utf-8")

    @property
    def settings(self) -> dict[str, Any]:
        """What the file sets, as PaddleFormers 1.2 spells it.

        Raises:
            ModelError: the file is not a YAML mapping of names to values.
        """
        return spelled_now(parse_settings(self.yaml, where=str(self.file)))

    @property
    def method(self) -> str:
        """`full` or `lora`."""
        return str(self.settings.get("fine_tuning", "lora")).lower()


def parse_settings(text: str | bytes, *, where: str) -> dict[str, Any]:
    """Settings in a YAML text.

    Raises:
        ModelError: it is not a mapping of names to values.
    """
    import yaml

    try:
        found = yaml.safe_load(text)
    except Exception as error:  # PyYAML raises whatever its constructors stumble on
        raise ModelError(f"recipe {where} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise ModelError(f"recipe {where} is not a mapping of names to values")
    _require_few_values(found, where)
    return found


def _require_few_values(settings: dict[str, Any], where: str) -> None:
    """Refuses what some anchors of YAML can unfold to: billions of values, or a ring of them."""
    waiting: list[Any] = [settings]
    for _ in range(_MOST_VALUES):
        if not waiting:
            return
        value = waiting.pop()
        if isinstance(value, dict | list):
            waiting.extend(value.values() if isinstance(value, dict) else value)
    raise ModelError(f"recipe {where} holds more than {_MOST_VALUES:,} values")


def spelled_now(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with the names of 1.2 for those of 1.0; later ones win.

    >>> spelled_now({"attn_impl": "sdpa", "recompute": True})
    {'_attn_implementation': 'sdpa', 'recompute_granularity': 'full'}
    """
    now: dict[str, Any] = {}
    for key, value in settings.items():
        if key == _RECOMPUTE:  # became three keys, of which this one turns it on
            now.setdefault("recompute_granularity", "full" if value else None)
        else:
            now[OLD_NAMES.get(key, key)] = value
    return now


def is_old_name(key: str) -> bool:
    """Whether `spelled_now` knows a key by another name."""
    return key in OLD_NAMES or key == _RECOMPUTE


def spelled_for(version: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as a version of PaddleFormers spells them, of what is known to differ.

    >>> spelled_for("1.0.0", {"_attn_implementation": "sdpa"})
    {'attn_impl': 'sdpa'}
    """
    then = {"_attn_implementation": "attn_impl"} if version.startswith("1.0") else {}
    return {then.get(key, key): value for key, value in settings.items()}


def without_keys(text: str, keys: frozenset[str]) -> str:
    r"""A recipe's text without the lines that set some keys; comments stay.

    >>> without_keys("a: 1\nb:\n  - 2\n# why\nc: 3\n", frozenset({"b"}))
    'a: 1\n# why\nc: 3\n'
    """
    kept = []
    dropping = False
    for line in text.splitlines():
        begun = _KEY.match(line)
        if begun is not None:
            dropping = OLD_NAMES.get(begun[1], begun[1]) in keys
        elif not line.startswith((" ", "\t", "- ")):
            dropping = False
        if not dropping:
            kept.append(line)
    return "".join(f"{line}\n" for line in kept)


def read_yaml_recipe(content: bytes, path: str) -> Recipe:
    """A recipe of a file that the user wrote, known by the file's name.

    Raises:
        ModelError: it is not a mapping of names to values.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ModelError(f"recipe {path} is not UTF-8: {error}") from error
    settings = parse_settings(text, where=path)
    on_cpu = settings.get("device") == "cpu"
    parts = ("tensor_model_parallel_size", "pipeline_model_parallel_size")
    gpus = 1
    for part in parts:
        value = spelled_now(settings).get(part)
        gpus *= value if isinstance(value, int) and value > 0 else 1
    return Recipe(
        name=Path(path).name,
        file=Path(path),
        gpus=0 if on_cpu else gpus,
        text=text,
    )
