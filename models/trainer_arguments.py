"""The names of the trainer's settings, as the installed PaddleFormers declares them."""

import contextlib
import importlib.util
import io
import re
import warnings
from collections.abc import Collection, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any

from groundray.formats.errors import did_you_mean
from groundray.models.paddle_import import import_paddle
from groundray.models.recipes.recipe import is_old_name

_SCIENTIFIC = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")


@lru_cache(maxsize=1)
def trainer_keys() -> frozenset[str] | None:
    """Every setting that the trainer takes; None where PaddleFormers is not installed.

    The trainer dies of any other, on every node, once they are all up. The first call takes some
    seconds: most of them are declared by decorators, so its modules have to be imported.
    """
    if importlib.util.find_spec("paddleformers") is None:
        return None
    import_paddle()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        from paddleformers.cli.hparams import parser

    declared = (each for part in parser._TRAIN_ARGS for each in fields(part))  # noqa: SLF001
    return frozenset(each.name for each in declared if each.init)


def unknown_settings(
    settings: Collection[str], known: Collection[str], *, installed: bool
) -> list[str]:
    """What is wrong with the names of settings, one sentence each.

    Args:
        settings: names that were given.
        known: that are right.
        installed: whether these are all that the trainer takes; else they are only a recipe's.
    """
    sentences = []
    for name in settings:
        if name in known or is_old_name(name):
            continue
        hint = did_you_mean(name, known)
        whose = "the trainer takes no setting" if installed else "no recipe has a setting"
        sentences.append(f"{whose} {name!r}{hint}")
    return sentences


def typed(value: Any) -> Any:
    """A value with what YAML takes for text though people mean a number, as one.

    YAML 1.1 wants a point in `1.0e-4`; the trainer does not convert, and fails much later.

    >>> typed("1e-4"), typed("cosine"), typed({"a": "2E+3"})
    (0.0001, 'cosine', {'a': 2000.0})
    """
    if isinstance(value, str) and _SCIENTIFIC.fullmatch(value):
        return float(value)
    if isinstance(value, Mapping):
        return {key: typed(each) for key, each in value.items()}
    return [typed(each) for each in value] if isinstance(value, list) else value
