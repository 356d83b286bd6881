"""Targets by name, and one case of one of them."""

import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from groundray.formats import format_names
from tests.fuzz.files import FILES
from tests.fuzz.parsers import ParserFuzz

Target = Callable[[Random], None]
"""Makes a case of a generator, and raises where something is wrong with what we made of it."""

_SHOWN_CHARS = 3_000


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that showed something wrong.

    Attributes:
        name: of the target.
        seed, number: of the case.
        place: what kind of failure it is: target, error and line.
        text: the error, and where it came from.
    """

    name: str
    seed: int
    number: int
    place: str
    text: str

    def __str__(self) -> str:
        """With the command that repeats it."""
        command = f"python -m tests.fuzz --only {self.name} --seed {self.seed} --case {self.number}"
        return f"{command}\n{self.text}"


def targets(only_format: str | None = None) -> Mapping[str, Target]:
    """Every target, by name; of one format those of its parser."""
    names = format_names()
    found: dict[str, Target] = {}
    for name in [only_format] if only_format else names:
        fuzz = ParserFuzz(name, names)
        found[f"{name}/parse"] = fuzz.parse
        found[f"{name}/round-trip"] = fuzz.round_trip
        found[f"{name}/cut"] = fuzz.cut
        found[f"{name}/time"] = fuzz.time
    return found if only_format else found | FILES


def case(name: str, target: Target, seed: int, number: int) -> Failure | None:
    """Runs a case; the same one whatever ran before it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            target(Random(f"{seed} {name} {number}"))
    except Exception as error:  # noqa: BLE001  whatever it is, it is what we look for
        steps = traceback.extract_tb(error.__traceback__)
        last = steps[-1]
        place = f"{name} {type(error).__name__} {last.filename}:{last.lineno}"
        calls = " > ".join(f"{Path(step.filename).name}:{step.lineno}" for step in steps[-6:])
        text = f"{type(error).__name__}: {str(error)[:_SHOWN_CHARS]}\n{calls}"
        return Failure(name, seed, number, place, text)
    return None
