"""Grounding formats: how each model family writes boxes in text.

>>> import numpy as np
>>> qwen3_vl = get_format("qwen3-vl")
>>> qwen3_vl.encode(np.array([[146.0, 137, 615, 415]]), np.array([[640.0, 428]])).tolist()
[[228, 320, 961, 970]]
"""

from typing import TYPE_CHECKING

from groundray.formats.errors import FormatError, GroundrayError, LabelError
from groundray.formats.registry import Registry
from groundray.formats.tasks import TASKS, Task

if TYPE_CHECKING:
    from groundray.formats.base import BoxFormat, ParsedAnswer, ParsedObject, Rendered, Wire

__all__ = [
    "FORMATS",
    "TASKS",
    "BoxFormat",
    "FormatError",
    "GroundrayError",
    "LabelError",
    "ParsedAnswer",
    "ParsedObject",
    "Registry",
    "Rendered",
    "Task",
    "Wire",
    "format_names",
    "get_format",
    "registered_name",
]

_OF_BASE = ("BoxFormat", "ParsedAnswer", "ParsedObject", "Rendered", "Wire")


def __getattr__(name: str) -> object:
    """What stands on numpy, whose import takes a third of the time that `--help` has."""
    if name not in _OF_BASE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from groundray.formats import base

    return getattr(base, name)


def _is_format(value: object) -> bool:
    from groundray.formats.base import BoxFormat

    return isinstance(value, BoxFormat)


FORMATS = Registry(
    "groundray.formats",
    {
        "cogvlm": "groundray.formats.families.cogvlm:COGVLM",
        "deepseek-vl2": "groundray.formats.families.deepseek_vl2:DEEPSEEK_VL2",
        "doubao": "groundray.formats.families.doubao:DOUBAO",
        "ernie-4.5-vl": "groundray.formats.families.ernie_4_5_vl:ERNIE_4_5_VL",
        "florence-2": "groundray.formats.families.florence_2:FLORENCE_2",
        "gemini": "groundray.formats.families.gemini:GEMINI",
        "glm-4.1v": "groundray.formats.families.glm_4_1v:GLM_4_1V",
        "glm-4.5v": "groundray.formats.families.glm_4_5v:GLM_4_5V",
        "internvl": "groundray.formats.families.internvl:INTERNVL",
        "kosmos-2": "groundray.formats.families.kosmos_2:KOSMOS_2",
        "minicpm-v": "groundray.formats.families.minicpm_v:MINICPM_V",
        "molmo": "groundray.formats.families.molmo:MOLMO",
        "paddleocr-vl": "groundray.formats.families.paddleocr_vl:PADDLEOCR_VL",
        "paligemma": "groundray.formats.families.paligemma:PALIGEMMA",
        "qwen2-vl": "groundray.formats.families.qwen2_vl:QWEN2_VL",
        "qwen2.5-vl": "groundray.formats.families.qwen2_5_vl:QWEN2_5_VL",
        "qwen3-vl": "groundray.formats.families.qwen3_vl:QWEN3_VL",
        "qwen3-vl-json": "groundray.formats.families.qwen3_vl_json:QWEN3_VL_JSON",
        "qwen3.5-vl": "groundray.formats.families.qwen3_5_vl:QWEN3_5_VL",
        "rex-omni": "groundray.formats.families.rex_omni:REX_OMNI",
        "shikra": "groundray.formats.families.shikra:SHIKRA",
    },
    noun="format",
    accepts=_is_format,
    error=FormatError,
    readers={".toml": "groundray.formats.toml_format:read_toml_format"},
)
"""Every format: built in, of an installed package, or of a plugin file (`FORMATS.add_file`)."""


def format_names() -> list[str]:
    """Names of all formats, sorted."""
    return FORMATS.names()


def registered_name(name: str) -> str:
    """The name that a format is registered by: the given one, or that of a format in a TOML file.

    Args:
        name: a name, or the path of a file that ends in `.toml`, whose format is added.

    Raises:
        FormatError: the file cannot be read, or does not declare a format.
    """
    return FORMATS.add_file(name)[0] if name.endswith(".toml") else name


def get_format(name: str) -> "BoxFormat":
    """A format by name, or by the path of a TOML file that declares it.

    Raises:
        FormatError: no such format, two packages define it, or it is not a whole `BoxFormat`.
    """
    from groundray.formats.base import BoxFormat

    name = registered_name(name)
    loaded = FORMATS.load(name)
    made = loaded() if isinstance(loaded, type) else loaded
    if not isinstance(made, BoxFormat):
        wanted = ("name", "system", "prompts", "source", "encode", "decode", "render", "parse")
        missing = ", ".join(attribute for attribute in wanted if not hasattr(made, attribute))
        raise FormatError(f"format {name!r} of {FORMATS.origin(name)} lacks: {missing}")
    return made
