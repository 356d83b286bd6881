"""Predictions made for tests: written down by hand, or drawn at random."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from groundray.engine.evaluation.prediction_pairs import PairsBuilder
from groundray.engine.scoring.pairs import Pairs
from groundray.engine.scoring.parts import Part, no_part, score
from groundray.engine.scoring.scores import ProtocolName, RunScores
from groundray.engine.scoring.summary import Described, summarise
from groundray.engine.scoring.tallies import Rules

CLASSES = ("cup", "dog", "car")

Line = dict[str, Any]
Box = tuple[float, float, float, float]


def target(category: str, xyxy: Sequence[float], **other: Any) -> dict[str, Any]:
    return {"category": category, "xyxy": list(xyxy), "area": None, "iscrowd": False, **other}


def crowd(category: str, xyxy: Sequence[float]) -> dict[str, Any]:
    return target(category, xyxy, iscrowd=True)


def said(category: str | None, xyxy: Sequence[float | None], **other: Any) -> dict[str, Any]:
    return {"category": category, "xyxy": list(xyxy), "score": None, "wire": None, **other}


def line(
    targets: Sequence[dict[str, Any]] = (),
    predictions: Sequence[dict[str, Any]] = (),
    **other: Any,
) -> Line:
    record_id = str(other.get("id", "1"))
    return {
        "id": record_id,
        "image": f"images/val-00000/{record_id}.jpg",
        "width": 100,
        "height": 100,
        "query": None,
        "targets": list(targets),
        "predictions": list(predictions),
        "text": "",
        "finish": "stop",
        "num_tokens": 5,
        "issues": [],
        "error": None,
        "task": "detection",
        "geometry": "box",
        "format": "qwen3-vl",
        "checkpoint": "c",
        **other,
    }


def pairs_of(*lines: Line, classes: Sequence[str] = CLASSES) -> Pairs:
    builder = PairsBuilder(classes)
    for each in lines:
        builder.add(each)
    return builder.build()


def part_of(lines: Sequence[Line], *, rules: Rules | None = None, batch: int = 10_000) -> Part:
    rules = rules or Rules(CLASSES, "constant", 0, 0)
    part = no_part(rules)
    for first in range(0, len(lines), batch):
        part.add(score(pairs_of(*lines[first : first + batch], classes=rules.classes), rules))
    return part.pack()


def scores_of(
    *lines: Line, protocol: ProtocolName = "honest", rules: Rules | None = None
) -> RunScores:
    rules = rules or Rules(CLASSES, "constant", 0, 0)
    described = Described("run", "place", "qwen3-vl", "c", "manifest", ())
    return summarise(part_of(lines, rules=rules), rules, described, protocol)


def random_lines(seed: int, count: int, *, side: int = 12) -> list[Line]:
    """Records with boxes on a coarse grid, so that equal IoUs are common."""
    rng = np.random.default_rng(seed)
    lines = []
    for i in range(count):
        targets = [
            target(CLASSES[rng.integers(3)], _box(rng, side), iscrowd=bool(rng.random() < 0.1))
            for _ in range(rng.integers(0, 5))
        ]
        predictions = []
        for _ in range(rng.integers(0, 7)):
            near = targets and rng.random() < 0.5
            xyxy = targets[rng.integers(len(targets))]["xyxy"] if near else _box(rng, side)
            names = [*CLASSES, "blob", None]
            weights = [0.3, 0.3, 0.3, 0.05, 0.05]
            name = names[rng.choice(5, p=weights)]
            predictions.append(said(name, xyxy, score=float(rng.integers(1, 9)) / 8))
        issues = [["truncated"], ["bad_box"], [], []][rng.integers(4)]
        lines.append(line(targets, predictions, id=str(1000 + i), issues=issues))
    return lines


def _box(rng: np.random.Generator, side: int) -> list[float]:
    x, y = rng.integers(0, side, 2).tolist()
    width, height = rng.integers(1, side, 2).tolist()
    return [x, y, x + width, y + height]
