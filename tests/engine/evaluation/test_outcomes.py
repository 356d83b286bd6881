"""What became of every box, for people who look at images."""

from collections import Counter
from pathlib import Path

import pytest

from groundray.engine.evaluation.evaluate import evaluate
from groundray.engine.evaluation.outcomes import image_outcomes
from groundray.engine.evaluation.prediction_files import open_predictions
from groundray.engine.runners import Runner
from tests.engine.prediction.predictions_made import write_predictions
from tests.engine.scoring.made import line, random_lines, said, target


def test_outcomes_add_up_to_the_scores(tmp_path: Path) -> None:
    run = str(write_predictions(tmp_path / "run", random_lines(1, 60), shards=3))
    scores = evaluate([run], str(tmp_path / "out"), runner=Runner("local")).runs[0]
    total: Counter[str] = Counter()
    for outcome in image_outcomes(open_predictions(run)):
        total.update(outcome.errors)
    expected = {e.kind: e.targets if e.kind == "missed" else e.predictions for e in scores.errors}
    assert dict(total) == expected


def test_an_outcome_says_what_there_was_and_what_was_said(tmp_path: Path) -> None:
    lines = [
        line(id="1"),
        line(
            [target("dog", (50, 50, 60, 60)), target("cup", (0, 0, 10, 10))],
            [said(None, (50, 50, 60, 60), score=0.5), said("cup", (0, 0, 10, 8))],
            id="2",
            text="what it said",
            issues=["bad_box"],
        ),
    ]
    run = open_predictions(str(write_predictions(tmp_path / "run", lines)))
    nothing, outcome = image_outcomes(run)
    assert (nothing.f1_50, nothing.targets, nothing.predictions) == (None, (), ())
    assert outcome.image == str(tmp_path / "run/val/images/val-00000/2.jpg")
    assert (outcome.text, outcome.issues) == ("what it said", ("bad_box",))
    assert outcome.f1_50 == pytest.approx(1 / 2)
    dog, cup = outcome.targets
    assert (dog.category, dog.kind, dog.other) == ("dog", "mislabelled", None)
    assert (cup.category, cup.kind, cup.other) == ("cup", "right", 1)
    assert cup.iou == pytest.approx(0.8)
    unnamed, found = outcome.predictions
    assert (unnamed.category, unnamed.kind, unnamed.other) == (None, "mislabelled", 0)
    assert (unnamed.iou, unnamed.score, unnamed.size) == (1, 0.5, "small")
    assert (found.kind, found.other) == ("right", 1)
    assert found.iou == pytest.approx(0.8)
    assert outcome.errors["mislabelled"] == 1


def test_low_scores_are_left_out_here_too(tmp_path: Path) -> None:
    boxes = [said("cup", (0, 0, 1, 1), score=0.1), said("cup", (2, 2, 9, 9), score=0.9)]
    run = open_predictions(str(write_predictions(tmp_path / "run", [line([], boxes)])))
    (outcome,) = image_outcomes(run, min_score=0.5)
    assert [box.xyxy for box in outcome.predictions] == [(2, 2, 9, 9)]
