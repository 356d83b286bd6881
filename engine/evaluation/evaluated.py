"""Runs that were scored, put together: their names, and how they differ."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from groundray.engine.scoring.parts import Part
from groundray.engine.scoring.scores import (
    Difference,
    ProtocolName,
    RunScores,
    Scores,
    compare,
)
from groundray.engine.scoring.tallies import RecordKeys, Rules
from groundray.formats.errors import GroundrayError, SourceError
from groundray.models.urls import public_name


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A run that was scored.

    Attributes:
        scores: its numbers.
        part: what they were made of.
        over: scores the same run over those of its records alone whose keys it is given.
    """

    scores: RunScores
    part: Part
    over: Callable[[RecordKeys], "Evaluated"]


def make_scores(evaluated: Sequence[Evaluated], rules: Rules, protocol: ProtocolName) -> Scores:
    """All runs, and how they differ."""
    return Scores(
        protocol=protocol,
        score_mode=rules.mode,
        min_score=rules.min_score,
        replicates=rules.replicates,
        seed=rules.seed,
        runs=[each.scores for each in evaluated],
        differences=list(_iter_differences(evaluated, protocol)),
    )


def name_runs(
    places: Sequence[str], names: Sequence[str], checkpoints: Sequence[str | None] = ()
) -> list[str]:
    """A name for each run: as given, or the checkpoint's, or the folder's or file's; each once.

    Raises:
        GroundrayError: names were given, but not one a run, or one twice.
    """
    if names:
        if len(names) != len(places) or len(set(names)) != len(names):
            raise GroundrayError(
                f"--name: {len(places)} runs need as many different names, not {list(names)}"
            )
        return list(names)
    found = [name for name in checkpoints if name is not None]
    if len(set(found)) < len(places):
        found = [_last_part(place) for place in places]
    if len(set(found)) < len(found):
        found = [f"{name} {number}" for number, name in enumerate(found, start=1)]
    return found


def check_distinct(ids: RecordKeys, place: str) -> None:
    """Refuses a run that has a record twice: every number would be wrong in silence.

    Raises:
        SourceError: it has.
    """
    twice = len(ids) - len(np.unique(ids))
    if twice:
        raise SourceError(
            f"{public_name(place)}: {twice:,} records occur more than once; give each run's "
            "predictions once"
        )


def _iter_differences(
    evaluated: Sequence[Evaluated], protocol: ProtocolName
) -> Iterator[Difference]:
    """Of each run from the first, then of each from the one before, where that is not the first.

    Both are scored over the records that they share, so that the images are the same ones. Runs
    that share no record have none.
    """
    steps = [(0, i) for i in range(1, len(evaluated))]
    steps += [(i - 1, i) for i in range(2, len(evaluated))]
    for first, second in steps:
        before, after = evaluated[first], evaluated[second]
        ids = before.part.ids(), after.part.ids()
        common = np.intersect1d(*ids, assume_unique=True)
        if not len(common):
            continue
        before, after = (
            each if len(own) == len(common) else each.over(common)
            for each, own in zip((before, after), ids, strict=True)
        )
        counted = tuple(
            each.part.honest if protocol == "honest" else each.part.published
            for each in (before, after)
        )
        yield compare(
            before.scores,
            after.scores,
            (counted[0], counted[1]),
            (len(common), len(ids[0]) - len(common), len(ids[1]) - len(common)),
        )


def _last_part(place: str) -> str:
    return next(
        (part for part in reversed(public_name(place).split("/")) if part), public_name(place)
    ).rsplit(".json", 1)[0]
