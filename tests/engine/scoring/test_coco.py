"""COCO's numbers against pycocotools, and against what was published."""

import contextlib
import io
import json
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from groundray.engine.evaluation.coco_files import read_detections, read_truth
from groundray.engine.scoring.coco import CocoTally, ScoreMode, image_number, ranking_scores
from groundray.formats.errors import GroundrayError
from tests.engine.scoring.made import CLASSES, line, pairs_of, random_lines, said, target

PAIRS = Path(__file__).parents[2] / "data/evalpairs"
NAMES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


def ours(truth: Path, detections: Path) -> list[float]:
    """The twelve numbers, with COCO's -1 for what is not defined."""
    true = read_truth(str(truth))
    tally = CocoTally(len(true.classes))
    for pairs in read_detections(str(detections), true):
        tally.add(pairs, "given")
    found = tally.finish("given")[0]
    return [-1 if value is None else value for value in (getattr(found, n) for n in NAMES)]


def theirs(truth: Path, detections: Path) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO(str(truth))
        evaluated = COCOeval(gt, gt.loadRes(str(detections)), "bbox")
        evaluated.evaluate()
        evaluated.accumulate()
        evaluated.summarize()
    return list(evaluated.stats)


def test_the_toolboxes_own_example_gives_what_was_published() -> None:
    folder = PAIRS / "cocoapi_fake100"
    found = ours(folder / "gt.json", folder / "dt.json")
    assert found == pytest.approx(theirs(folder / "gt.json", folder / "dt.json"), abs=1e-9)
    published = dict(zip(NAMES, found, strict=True))
    assert published["AP"] == pytest.approx(0.5045806987249628, abs=1e-9)
    assert published["AP50"] == pytest.approx(0.6969727247299577, abs=1e-9)
    assert published["AP75"] == pytest.approx(0.5729816669904824, abs=1e-9)
    assert published["AR100"] == pytest.approx(0.595352982877607, abs=1e-9)


def test_undefined_sizes_stay_undefined(tmp_path: Path) -> None:
    detections = json.loads((PAIRS / "fce_ignore/dt.json").read_text())
    kept = tmp_path / "dt.json"
    kept.write_text(json.dumps([each for each in detections if each["score"] >= 0.1]))
    found = ours(PAIRS / "fce_ignore/gt.json", kept)
    assert found == pytest.approx(theirs(PAIRS / "fce_ignore/gt.json", kept), abs=1e-9)
    assert found[:3] == pytest.approx([0.7099009900990099, 1, 0.8415841584158416], abs=1e-9)
    assert found[3] == found[5] == -1


@pytest.mark.parametrize("number", [None, 1e308, -1e308])
def test_boxes_of_no_sense_match_nothing_and_count(tmp_path: Path, number: float | None) -> None:
    box = [number, 1, 1e308, number]
    truth = {
        "images": [{"id": 1}],
        "categories": [{"id": 1, "name": "a"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": box}],
    }
    (tmp_path / "gt.json").write_text(json.dumps(truth))
    (tmp_path / "dt.json").write_text(
        json.dumps([{"image_id": 1, "category_id": 1, "bbox": box, "score": 0.5}])
    )
    known = read_truth(str(tmp_path / "gt.json"))
    (pairs,) = read_detections(str(tmp_path / "dt.json"), known)
    for xyxy in (pairs.target_xyxy, pairs.prediction_xyxy):
        assert np.isfinite(xyxy).all()
        assert len(xyxy) == 1


def test_ids_from_0_are_numbered_anew() -> None:
    folder = PAIRS / "hotcoco_zero"
    assert ours(folder / "gt.json", folder / "dt.json")[0] == 1
    assert theirs(folder / "gt.json", folder / "dt.json")[0] == pytest.approx(0.442, abs=1e-3)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), mode=st.sampled_from(["constant", "order", "logprob"]))
def test_predictions_score_as_in_pycocotools(
    tmp_path_factory: pytest.TempPathFactory, seed: int, mode: ScoreMode
) -> None:
    lines = random_lines(seed, 30, side=60)
    lines[0] = {**lines[0], "id": "not a number"}
    pairs = pairs_of(*lines)
    folder = tmp_path_factory.mktemp("coco")
    numbers = [image_number(each["id"]) for each in lines]
    counter = count(1)
    truth = {
        "images": [{"id": number, "width": 100, "height": 100} for number in numbers],
        "categories": [{"id": i, "name": name} for i, name in enumerate(CLASSES, start=1)],
        "annotations": [
            {
                "id": next(counter),
                "image_id": number,
                "category_id": CLASSES.index(each["category"]) + 1,
                "bbox": _xywh(each["xyxy"]),
                "area": _xywh(each["xyxy"])[2] * _xywh(each["xyxy"])[3],
                "iscrowd": int(each["iscrowd"]),
            }
            for number, line_ in zip(numbers, lines, strict=True)
            for each in line_["targets"]
        ],
    }
    scores = iter(ranking_scores(pairs, mode).tolist())
    detections = [
        {
            "image_id": number,
            "category_id": CLASSES.index(each["category"]) + 1,
            "bbox": _xywh(each["xyxy"]),
            "score": score,
        }
        for number, line_ in zip(numbers, lines, strict=True)
        for each, score in zip(line_["predictions"], scores, strict=False)
        if each["category"] in CLASSES
    ]
    if not detections:
        return
    (folder / "gt.json").write_text(json.dumps(truth))
    (folder / "dt.json").write_text(json.dumps(detections))
    tally = CocoTally(len(CLASSES))
    tally.add(pairs, mode)
    found = tally.finish(mode)[0]
    expected = theirs(folder / "gt.json", folder / "dt.json")
    numbers_found = [getattr(found, name) for name in NAMES]
    assert [-1 if n is None else n for n in numbers_found] == pytest.approx(expected, abs=1e-9)


def test_score_modes_rank_by_what_they_say() -> None:
    pairs = pairs_of(
        line(
            [], [said("cup", (0, 0, 1, 1), score=0.2), said("cup", (0, 0, 2, 2), score=0.9)], id="1"
        ),
        line([], [said("dog", (0, 0, 1, 1), score=0.5)], id="2"),
    )
    assert ranking_scores(pairs, "constant").tolist() == [1, 1, 1]
    assert ranking_scores(pairs, "order").tolist() == [1, 0.5, 1]
    assert ranking_scores(pairs, "logprob").tolist() == [0.2, 0.9, 0.5]


def test_a_mode_that_needs_scores_refuses_to_do_without() -> None:
    pairs = pairs_of(line([], [said("cup", (0, 0, 1, 1))], id="a7"))
    with pytest.raises(GroundrayError, match=r"1 predictions have no score .*'a7'"):
        ranking_scores(pairs, "logprob")


def test_images_are_numbered_by_ids_and_names_come_last() -> None:
    assert image_number("139") == 139
    assert image_number("0") == 0
    assert image_number("007") > 2**52  # "7" may be there, too
    assert image_number("9" * 5000) > 2**52  # more digits than Python makes a number of
    assert image_number("a") > 2**52
    assert image_number(str(2**60)) > 2**52
    assert np.float64(image_number("a")) == image_number("a")


def test_nothing_at_all_is_undefined() -> None:
    found, by_class = CocoTally(3).finish("constant")
    assert found.AP is None
    assert np.isnan(by_class).all()


def test_classes_have_their_own_ap() -> None:
    pairs = pairs_of(line([target("dog", (0, 0, 9, 9))], [said("dog", (0, 0, 9, 9))]))
    tally = CocoTally(3)
    tally.add(pairs, "constant")
    by_class = tally.finish("constant")[1]
    assert by_class[1].tolist() == pytest.approx([1, 1, 1])
    assert np.isnan(by_class[[0, 2]]).all()


def _xywh(xyxy: list[float]) -> list[float]:
    return [xyxy[0], xyxy[1], xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]]
