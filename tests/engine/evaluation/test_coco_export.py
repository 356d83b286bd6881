"""Predictions as COCO's files."""

import contextlib
import io
import json
from pathlib import Path

import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from groundray.engine.evaluation.coco_export import export_coco
from groundray.engine.evaluation.evaluate import evaluate, evaluate_coco
from groundray.engine.evaluation.prediction_files import open_predictions
from groundray.engine.runners import Runner
from groundray.formats.errors import OutputError, SourceError
from tests.engine.prediction.predictions_made import write_predictions
from tests.engine.scoring.made import line, random_lines, said


def test_what_is_exported_scores_the_same_here_and_in_pycocotools(tmp_path: Path) -> None:
    run = str(write_predictions(tmp_path / "run", random_lines(1, 60, side=60), shards=3))
    out = str(tmp_path / "dt.json")
    exported = export_coco(open_predictions(run), out, score_mode="order", overwrite=False)
    direct = evaluate([run], str(tmp_path / "a"), score_mode="order", runner=Runner("local"))
    again = evaluate_coco(exported.truth, [exported.results], str(tmp_path / "b"))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(exported.truth)
        theirs = COCOeval(truth, truth.loadRes(exported.results), "bbox")
        theirs.evaluate()
        theirs.accumulate()
        theirs.summarize()
    assert direct.runs[0].coco.AP == again.runs[0].coco.AP
    assert pytest.approx(theirs.stats[0], abs=1e-9) == direct.runs[0].coco.AP
    assert direct.runs[0].operating_point.recall_50 == again.runs[0].operating_point.recall_50


def test_what_coco_has_no_place_for_is_counted(tmp_path: Path) -> None:
    lines = [
        line([], [said("blob", (0, 0, 1, 1)), said(None, (0, 0, 1, 1))], id="1"),
        line([], [said(None, (0, 0, 1, 1))], id="2", query="the red cup"),
        line([], [said("cup", (1, 1, 1, 1))], id="3", geometry="point"),
    ]
    run = open_predictions(str(write_predictions(tmp_path / "run", lines)))
    exported = export_coco(run, str(tmp_path / "dt.json"), score_mode="constant", overwrite=False)
    assert (exported.images, exported.detections, exported.annotations) == (1, 0, 0)
    assert (exported.left_out, exported.other_records) == (2, 2)
    assert json.loads((tmp_path / "dt.json").read_text()) == []
    assert [each["id"] for each in json.loads(Path(exported.truth).read_text())["images"]] == [1]


def test_a_record_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    lines = [*random_lines(1, 3), *random_lines(1, 1)]
    run = open_predictions(str(write_predictions(tmp_path / "run", lines, shards=2)))
    with pytest.raises(SourceError, match="1 records occur more than once"):
        export_coco(run, str(tmp_path / "dt.json"), score_mode="constant", overwrite=False)
    assert not (tmp_path / "dt.json").exists()


def test_files_are_not_replaced_by_accident(tmp_path: Path) -> None:
    run = open_predictions(str(write_predictions(tmp_path / "run", random_lines(1, 3))))
    out = str(tmp_path / "dt.json")
    export_coco(run, out, score_mode="constant", overwrite=False)
    with pytest.raises(OutputError, match="exists"):
        export_coco(run, out, score_mode="constant", overwrite=False)
    export_coco(run, out, score_mode="constant", overwrite=True)
