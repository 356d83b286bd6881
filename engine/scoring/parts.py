"""Parts of a run: what was counted under both protocols, and what was found; parts add up."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from groundray.engine.scoring.coco import CocoTally
from groundray.engine.scoring.pairs import Pairs
from groundray.engine.scoring.published import as_published
from groundray.engine.scoring.tallies import (
    Counted,
    Diagnosed,
    RecordKeys,
    Rules,
    count,
    diagnose,
    nothing_counted,
)


@dataclass(slots=True)
class Part:
    """Some of a run's records.

    Attributes:
        honest, published: counts under the two protocols.
        differs: whether the two saw anything differently.
        diagnosed: what no protocol changes.
        seen: records by task (`detection`, `grounding`) and by geometry (`box`, `point`).
    """

    honest: Counted
    published: Counted
    differs: bool = False
    diagnosed: Diagnosed = field(default_factory=Diagnosed)
    seen: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Part") -> None:
        """Adds another part."""
        self.honest.add(other.honest)
        self.published.add(other.published)
        self.differs |= other.differs
        self.diagnosed.add(other.diagnosed)
        self.seen.update(other.seen)

    def pack(self) -> "Part":
        """Joins what was gathered batch by batch, so that the part is quick to send; itself."""
        self.honest.coco = [CocoTally.merge(self.honest.coco)] if self.honest.coco else []
        if not self.differs:
            self.published.coco = self.honest.coco
        elif self.published.coco:
            self.published.coco = [CocoTally.merge(self.published.coco)]
        self.diagnosed.ids = [self.ids()]
        return self

    def ids(self) -> RecordKeys:
        """64 bits for every record, in the order in which parts were added."""
        return np.concatenate([np.empty(0, dtype=np.uint64), *self.diagnosed.ids])


def no_part(rules: Rules) -> Part:
    """The part without records."""
    return Part(nothing_counted(rules), nothing_counted(rules))


def score(pairs: Pairs, rules: Rules) -> Part:
    """Scores records."""
    honest = count(pairs, rules)
    seen_so = as_published(pairs)
    published = honest if seen_so is pairs else count(seen_so, rules)
    grounding, points = int(pairs.is_grounding.sum()), int(pairs.is_point.sum())
    return Part(
        honest,
        published,
        seen_so is not pairs,
        diagnose(pairs, rules),
        Counter(
            detection=len(pairs) - grounding,
            grounding=grounding,
            point=points,
            box=len(pairs) - points,
        ),
    )
