"""From what was counted of a run to its scores."""

from collections.abc import Sequence
from dataclasses import dataclass

from groundray.engine.records import FloatArray
from groundray.engine.scoring.breakdowns import (
    by_class,
    by_objects,
    by_size,
    confusions,
    kind_scores,
)
from groundray.engine.scoring.coco import Coco, CocoTally
from groundray.engine.scoring.coordinate_lint import readings
from groundray.engine.scoring.format_ceiling import format_ceiling
from groundray.engine.scoring.grounding import grounding
from groundray.engine.scoring.health import health
from groundray.engine.scoring.operating_point import OperatingPoint, operating_point
from groundray.engine.scoring.parts import Part
from groundray.engine.scoring.scores import Headline, ProtocolName, RunScores, intervals
from groundray.engine.scoring.tallies import Counted, Rules


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of a run besides its numbers; see `RunScores`."""

    name: str
    place: str
    format: str | None
    checkpoint: str | None
    classes_from: str
    notes: Sequence[str]


def summarise(part: Part, rules: Rules, described: Described, protocol: ProtocolName) -> RunScores:
    """The scores of a run.

    Args:
        part: all of it.
        rules: that it was counted under.
        described: what else is known.
        protocol: whose numbers are the run's.
    """
    counted = part.honest if protocol == "honest" else part.published
    with_boxes = part.seen["box"] > 0
    classes = rules.classes
    coco, average_precision = _coco(counted, rules)
    other = part.published if protocol == "honest" else part.honest
    other_coco = _coco(other, rules)[0] if part.differs else coco
    headlines = [
        _headline(counted, rules, coco, with_boxes=with_boxes),
        _headline(other, rules, other_coco, with_boxes=with_boxes),
    ]
    if protocol == "published":
        headlines.reverse()
    return RunScores(
        name=described.name,
        place=described.place,
        records=part.seen["box"] + part.seen["point"],
        task=_seen(part, "detection", "grounding"),
        geometry=_seen(part, "box", "point"),
        format=described.format,
        checkpoint=described.checkpoint,
        classes_from=described.classes_from,
        num_classes=len(classes),
        coco=coco,
        operating_point=_operating_point(counted, rules, with_boxes=with_boxes),
        grounding=grounding(counted.grounding, with_iou=with_boxes),
        intervals=intervals(counted),
        health=health(part.diagnosed.health, readings(part.diagnosed.lint, described.format)),
        by_class=by_class(counted.classes, counted.kinds_by_class, average_precision, classes),
        by_size=by_size(counted.sizes, counted.kinds_by_size),
        by_objects=by_objects(counted.objects),
        errors=kind_scores(counted.records, counted.kinds_by_class.sum(axis=0)),
        confusion=confusions(counted.confusion, classes),
        ceiling=format_ceiling(part.diagnosed.ceiling),
        protocols=dict(zip(("honest", "published"), headlines, strict=True)),
        notes=described.notes,
    )


def _coco(counted: Counted, rules: Rules) -> tuple[Coco, FloatArray]:
    tallies = counted.coco or [CocoTally(len(rules.classes))]
    return CocoTally.merge(tallies).finish(rules.mode)


def _operating_point(counted: Counted, rules: Rules, *, with_boxes: bool) -> OperatingPoint:
    own = counted.classes[: len(rules.classes)]
    return operating_point(counted.records, own, with_iou=with_boxes)


def _headline(counted: Counted, rules: Rules, coco: Coco, *, with_boxes: bool) -> Headline:
    point = _operating_point(counted, rules, with_boxes=with_boxes)
    found = grounding(counted.grounding, with_iou=with_boxes)
    return Headline(
        precision_50=point.precision_50,
        recall_50=point.recall_50,
        f1_50=point.f1_50,
        f1_mean=point.f1_mean,
        AP=coco.AP,
        AP50=coco.AP50,
        acc_50=None if found is None else found.acc_50,
        rejection_accuracy=None if found is None else found.rejection_accuracy,
    )


def _seen(part: Part, *names: str) -> str:
    return ",".join(name for name in names if part.seen[name])
