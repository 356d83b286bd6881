from dataclasses import fields

import numpy as np

from groundray.engine.scoring.pairs import Pairs
from tests.engine.scoring.made import pairs_of, random_lines


def test_some_records_are_what_they_would_be_alone() -> None:
    lines = random_lines(7, 30)
    keep = np.random.default_rng(0).random(len(lines)) < 0.5
    kept = pairs_of(*lines).take_records(keep)
    alone = pairs_of(*(line for line, kept in zip(lines, keep, strict=True) if kept))
    assert kept.answers is not None
    assert alone.answers is not None
    for found, expected in ((kept, alone), (kept.answers, alone.answers)):
        for field in fields(expected):
            if field.name in {"answers", "invented", "prediction_class"}:
                continue
            values = getattr(found, field.name), getattr(expected, field.name)
            if isinstance(values[0], np.ndarray):
                np.testing.assert_array_equal(*values)
            else:
                assert tuple(values[0]) == tuple(values[1])
    assert labels(kept) == labels(alone)


def labels(pairs: Pairs) -> list[str | int]:
    """What predictions are called, whatever number an invented name has."""
    return [
        pairs.invented[-2 - number] if number < -1 else number
        for number in pairs.prediction_class.tolist()
    ]
