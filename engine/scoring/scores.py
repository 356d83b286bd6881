"""Scores of runs, and of what changed between them: what `scores.json` holds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import orjson

from groundray.engine.records import FloatArray
from groundray.engine.scoring.bootstrap import LEVEL, Interval, interval
from groundray.engine.scoring.breakdowns import ClassScores, Confusion, GroupScores, KindScores
from groundray.engine.scoring.coco import Coco
from groundray.engine.scoring.counts import NUM_COUNTS
from groundray.engine.scoring.format_ceiling import FormatCeiling
from groundray.engine.scoring.grounding import Grounding, grounding_values
from groundray.engine.scoring.health import Health
from groundray.engine.scoring.operating_point import OperatingPoint, divide, micro
from groundray.engine.scoring.tallies import Counted

VERSION = 1

ProtocolName = Literal["honest", "published"]


@dataclass(frozen=True, slots=True)
class Headline:
    """The few numbers of one protocol; for the gap between two."""

    precision_50: float | None
    recall_50: float | None
    f1_50: float | None
    f1_mean: float | None
    AP: float | None
    AP50: float | None
    acc_50: float | None
    rejection_accuracy: float | None


@dataclass(frozen=True, slots=True)
class RunScores:
    """All about one run.

    Attributes:
        name: as shown.
        place: folder or file of the predictions, as typed, without secrets.
        records: how many.
        task: detection, grounding, or both with a comma.
        geometry: box or point.
        format, checkpoint: as the predictions say.
        classes_from: where the list of classes is from: manifest, file, targets or annotations.
        num_classes: in the list.
        coco: COCO's numbers over the records of detection.
        operating_point: over all records.
        grounding: over the records with an expression; None without any.
        intervals: of `operating_point.NAME` and `grounding.NAME`, 95 %.
        health: of the answers.
        by_class, by_size, by_objects: breakdowns.
        errors: what kinds of mistakes.
        confusion: what was called what, the most frequent first.
        ceiling: of the format; None without a format.
        protocols: the headline under both; `gap` is published - honest.
        notes: sentences that a reader of the numbers must know.
    """

    name: str
    place: str
    records: int
    task: str
    geometry: str
    format: str | None
    checkpoint: str | None
    classes_from: str
    num_classes: int
    coco: Coco
    operating_point: OperatingPoint
    grounding: Grounding | None
    intervals: Mapping[str, Interval]
    health: Health
    by_class: Sequence[ClassScores]
    by_size: Sequence[GroupScores]
    by_objects: Sequence[GroupScores]
    errors: Sequence[KindScores]
    confusion: Sequence[Confusion]
    ceiling: FormatCeiling | None
    protocols: Mapping[str, Headline]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Change:
    """The second run's value less the first's, with its interval over the same images."""

    difference: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """How a run differs from another.

    Attributes:
        baseline, run: names.
        common: records that both have; they alone are compared.
        only_baseline, only_run: records that one has.
        metrics: by `operating_point.NAME`, `grounding.NAME` and `coco.NAME`; COCO's have no
            intervals.
    """

    baseline: str
    run: str
    common: int
    only_baseline: int
    only_run: int
    metrics: Mapping[str, Change]


@dataclass(frozen=True, slots=True)
class Scores:
    """What an evaluation found.

    Attributes:
        protocol: whose numbers stand in `coco`, `operating_point` and all else but `protocols`.
        score_mode: what COCO's numbers rank by.
        min_score: predictions below it are left out everywhere but in COCO's numbers.
        replicates, seed: of the bootstrap.
        runs: in the order given.
        differences: of each run from the first, then of each from the one before.
    """

    protocol: ProtocolName
    score_mode: str
    min_score: float | None
    replicates: int
    seed: int
    runs: Sequence[RunScores]
    differences: Sequence[Difference]

    def to_json(self) -> bytes:
        """The file `scores.json`."""
        fields: dict[str, Any] = {"version": VERSION, "level": LEVEL, **asdict(self)}
        for run in fields["runs"]:
            run["intervals"] = {
                name: {"low": each[0], "high": each[1]} for name, each in run["intervals"].items()
            }
        honest = [run["protocols"] for run in fields["runs"]]
        for protocols in honest:
            protocols["gap"] = _gap(protocols["honest"], protocols["published"])
        return orjson.dumps(fields, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def replicate_values(counted: Counted) -> dict[str, FloatArray]:
    """`(R,)` values of each metric that has an interval."""
    records = counted.replicates[:, :NUM_COUNTS]
    values = {f"operating_point.{name}": each for name, each in micro(records).items()}
    true, false, targets = np.moveaxis(counted.class_replicates, 2, 0)
    f1 = divide(2 * true, np.where(targets > 0, true + false + targets, 0))
    known = np.isfinite(f1)
    values["operating_point.macro_f1_50"] = divide(np.nansum(f1, axis=1), known.sum(axis=1))
    grounding = grounding_values(counted.replicates[:, NUM_COUNTS:])
    return values | {f"grounding.{name}": each for name, each in grounding.items()}


def intervals(counted: Counted) -> dict[str, Interval]:
    """Of each metric; empty without replicates."""
    if not len(counted.replicates):
        return {}
    return {
        name: found
        for name, each in replicate_values(counted).items()
        if (found := interval(each)) is not None
    }


def compare(
    baseline: RunScores,
    run: RunScores,
    counted: tuple[Counted, Counted],
    common: tuple[int, int, int],
) -> Difference:
    """How a run differs from another.

    Args:
        baseline: the run to compare with, over the records that both have.
        run: the other one, likewise.
        counted: of the two.
        common: records that both have, that only the baseline has, and only the run.
    """
    metrics = {}
    replicates = tuple(map(replicate_values, counted))
    for name in replicates[0]:
        before, after = value_of(baseline, name), value_of(run, name)
        if before is not None and after is not None:
            found = interval(replicates[1][name] - replicates[0][name])
            metrics[name] = Change(after - before, *(found or (None, None)))
    for name in ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR100"):
        before, after = value_of(baseline, f"coco.{name}"), value_of(run, f"coco.{name}")
        if before is not None and after is not None:
            metrics[f"coco.{name}"] = Change(after - before, None, None)
    return Difference(baseline.name, run.name, *common, metrics)


def value_of(run: RunScores, path: str) -> float | None:
    """A metric by its path, such as `operating_point.f1_50`."""
    part, name = path.split(".")
    group = getattr(run, part)
    value: float | None = None if group is None else getattr(group, name)
    return value


def _gap(honest: Mapping[str, Any], published: Mapping[str, Any]) -> dict[str, float | None]:
    return {
        name: None if None in (honest[name], published[name]) else published[name] - honest[name]
        for name in honest
    }
