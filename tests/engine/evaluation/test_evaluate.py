"""Evaluation of folders: what is read, what is written, and what does not change the numbers."""

import csv
import json
import os
from pathlib import Path

import pytest

from groundray.engine.evaluation.evaluate import evaluate, evaluate_coco
from groundray.engine.runners import Runner
from groundray.formats.errors import GroundrayError, OutputError, SourceError
from tests.engine.conversion.test_conversion_plugins import TOML
from tests.engine.prediction.predictions_made import write_predictions
from tests.engine.scoring.made import line, random_lines, said, target

LOCAL = Runner("local")
COCO_KEYS = "mode AP AP50 AP75 APs APm APl AR1 AR10 AR100 ARs ARm ARl".split()  # noqa: SIM905


def test_scores_json_has_the_keys_that_were_promised(tmp_path: Path) -> None:
    run = write_predictions(tmp_path / "run", random_lines(1, 20))
    evaluate([str(run)], str(tmp_path / "out"), replicates=50, runner=LOCAL)
    written = json.loads((tmp_path / "out/scores.json").read_text())
    (scored,) = written["runs"]
    assert list(scored["coco"]) == COCO_KEYS
    assert {
        "precision_50", "recall_50", "f1_50", "f1_75", "f1_mean", "macro_f1_50", "mean_iou",
    } <= set(scored["operating_point"])  # fmt: skip
    assert {"name", "grounding", "health", "by_class", "by_size", "by_objects"} <= set(scored)
    assert set(scored["intervals"]["operating_point.f1_50"]) == {"low", "high"}
    assert set(scored["protocols"]) == {"honest", "published", "gap"}
    assert written["differences"] == []


def test_the_number_of_files_changes_nothing(tmp_path: Path) -> None:
    lines = random_lines(2, 40)
    files = []
    for shards in (1, 7):
        run = write_predictions(tmp_path / str(shards) / "run", lines, shards=shards)
        out = tmp_path / f"out-{shards}"
        evaluate([os.path.relpath(run)], str(out), names=["run"], runner=LOCAL)
        scores = json.loads((out / "scores.json").read_text())
        for each in scores["runs"]:
            del each["place"]
        files.append((scores, (out / "per_class.csv").read_bytes()))
    assert files[0] == files[1]


def test_checkpoints_are_compared_with_the_first_and_with_the_one_before(tmp_path: Path) -> None:
    lines = random_lines(4, 20)
    places = [
        str(write_predictions(tmp_path / name, lines[: 20 - i], checkpoint=name))
        for i, name in enumerate("abc")
    ]
    scores = evaluate(places, str(tmp_path / "out"), replicates=20, runner=LOCAL)
    assert [run.name for run in scores.runs] == ["a", "b", "c"]
    steps = [
        (each.baseline, each.run, each.common, each.only_baseline) for each in scores.differences
    ]
    assert steps == [("a", "b", 19, 1), ("a", "c", 18, 2), ("b", "c", 18, 1)]


def test_a_difference_is_of_the_records_that_both_answered(tmp_path: Path) -> None:
    there, elsewhere = (10, 10, 50, 50), (60, 60, 90, 90)
    right = [
        line([target("cup", there)], [said("cup", there)], id=each, image=f"v/{each}.jpg")
        for each in "123"
    ]
    wrong = line([target("cup", there)], [said("cup", elsewhere)], id="0", image="v/0.jpg")
    a = write_predictions(tmp_path / "a", [wrong, right[0], right[1]])
    b = write_predictions(tmp_path / "b", [right[0], right[1], right[2]], shards=2)
    scores = evaluate([str(a), str(b)], str(tmp_path / "out"), replicates=50, runner=LOCAL)
    assert [run.operating_point.f1_50 for run in scores.runs] == [pytest.approx(2 / 3), 1]
    (difference,) = scores.differences
    assert (difference.common, difference.only_baseline, difference.only_run) == (2, 1, 1)
    for name in ("operating_point.f1_50", "operating_point.recall_50", "coco.AP50"):
        assert difference.metrics[name].difference == 0, name
    change = difference.metrics["operating_point.f1_50"]
    assert (change.low, change.high) == (0, 0)


def test_a_run_does_not_differ_from_itself(tmp_path: Path) -> None:
    run = str(write_predictions(tmp_path / "run", random_lines(5, 20)))
    scores = evaluate([run, run], str(tmp_path / "out"), names=["a", "b"], runner=LOCAL)
    changes = scores.differences[0].metrics
    assert changes["operating_point.f1_50"].low == changes["operating_point.f1_50"].high == 0
    assert {change.difference for change in changes.values()} == {0}


def test_per_class_csv_has_a_row_a_run_and_class(tmp_path: Path) -> None:
    cup = [target("cup", (0, 0, 9, 9))]
    run = write_predictions(tmp_path / "run", [line(cup, [said("cup", (0, 0, 9, 9))])])
    evaluate([str(run)], str(tmp_path / "out"), runner=LOCAL)
    with (tmp_path / "out/per_class.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["run"], row["category"]) for row in rows] == [
        ("checkpoint-1", "cup"), ("checkpoint-1", "dog"), ("checkpoint-1", "car"),
    ]  # fmt: skip
    assert (rows[0]["f1_50"], rows[1]["f1_50"], rows[0]["missed"]) == ("1.0", "", "0")


def test_per_class_csv_has_no_nul_which_csv_readers_refuse(tmp_path: Path) -> None:
    lines = [line([target("c\0p", (0, 0, 9, 9))])]
    run = write_predictions(tmp_path / "run", lines, classes=None)
    evaluate([str(run)], str(tmp_path / "out"), runner=LOCAL)
    assert ",c\ufffdp,1," in (tmp_path / "out/per_class.csv").read_text("utf-8")
    written = json.loads((tmp_path / "out/scores.json").read_text())
    assert [row["category"] for row in written["runs"][0]["by_class"]] == ["c\0p"]


def test_without_a_manifest_the_classes_are_those_of_the_targets(tmp_path: Path) -> None:
    lines = [line([target("zebra", (0, 0, 9, 9))], [said("cup", (0, 0, 9, 9))])]
    run = write_predictions(tmp_path / "run", lines, classes=None)
    scores = evaluate([str(run)], str(tmp_path / "out"), runner=LOCAL).runs[0]
    assert scores.classes_from == "targets"
    assert "1 that occur in targets" in scores.notes[0]
    assert scores.health.invented_classes == 1


def test_a_list_of_classes_goes_before_the_manifest(tmp_path: Path) -> None:
    lines = [line([target("zebra", (0, 0, 9, 9))], [said("zebra", (0, 0, 9, 9))])]
    run = str(write_predictions(tmp_path / "run", lines))
    out = str(tmp_path / "out")
    with pytest.raises(
        SourceError, match=r"line 1: target category 'zebra' is not in the list of 3"
    ):
        evaluate([run], out, runner=LOCAL)
    scores = evaluate([run], out, classes=["zebra"], runner=LOCAL)
    assert scores.runs[0].operating_point.f1_50 == 1


def test_lines_that_are_missing_are_said(tmp_path: Path) -> None:
    run = write_predictions(tmp_path / "run", random_lines(6, 4))
    shard = next(run.glob("val/*.jsonl"))
    shard.write_text(shard.read_text().split("\n", 1)[1])
    scores = evaluate([str(run)], str(tmp_path / "out"), runner=LOCAL)
    assert scores.runs[0].notes == ["the manifest tells of 4 predictions, 3 were read"]


def test_a_format_that_is_not_known_has_no_ceiling_and_a_note(tmp_path: Path) -> None:
    run = write_predictions(tmp_path / "run", random_lines(6, 4))
    manifest = run / "manifest.json"
    manifest.write_text(manifest.read_text().replace("qwen3-vl", "theirs"))
    scores = evaluate([str(run)], str(tmp_path / "out"), runner=LOCAL)
    assert scores.runs[0].ceiling is None
    assert scores.runs[0].notes == [
        "no ceiling: format 'theirs' is not known here; --plugin FILE adds it"
    ]


def test_a_declared_format_has_its_ceiling_wherever_it_is_scored(tmp_path: Path) -> None:
    lines = [line([target("cup", (10.4, 10.4, 51.3, 51.3))], id="1", format="coarse")]
    run = write_predictions(tmp_path / "run", lines)
    manifest = json.loads((run / "manifest.json").read_text()) | {"format": "coarse"}
    ceilings = []
    for steps in (10, 1000):
        declared = TOML.replace("NAME", "coarse").replace("100", str(steps))
        (run / "manifest.json").write_text(json.dumps(manifest | {"declaration": declared}))
        scored = evaluate([str(run)], str(tmp_path / str(steps)), runner=LOCAL).runs[0]
        assert not [note for note in scored.notes if "ceiling" in note]
        assert scored.ceiling is not None
        assert scored.ceiling.mean_iou is not None
        ceilings.append(scored.ceiling.mean_iou)
    # on 10 steps of 10 px: (10, 10, 50, 50), so 39.6 * 39.6 of 40.9 * 40.9 + 40 * 40 - 39.6 * 39.6
    assert ceilings[0] == pytest.approx(39.6**2 / (40.9**2 + 40**2 - 39.6**2))
    assert ceilings[1] > 0.99


def test_a_record_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    lines = random_lines(7, 3)
    run = write_predictions(tmp_path / "run", [*lines, lines[0]])
    with pytest.raises(SourceError, match="1 records occur more than once"):
        evaluate([str(run)], str(tmp_path / "out"), runner=LOCAL)


def test_a_line_that_is_no_prediction_is_named(tmp_path: Path) -> None:
    run = write_predictions(tmp_path / "run", random_lines(8, 2))
    shard = next(run.glob("val/*.jsonl"))
    shard.write_text(shard.read_text() + '{"id": "x"}\n')
    with pytest.raises(SourceError, match=r"val-00000-of-00001\.jsonl, line 3: not a prediction"):
        evaluate([str(run)], str(tmp_path / "out"), runner=LOCAL)


def test_a_target_without_a_coordinate_is_named(tmp_path: Path) -> None:
    whole = line([target("cup", (1, 2, 3, 4))], id="1")
    torn = line([{**whole["targets"][0], "xyxy": [1, None, 3, 4]}], id="2")
    run = write_predictions(tmp_path / "run", [whole, torn])
    message = r"val-00000-of-00001\.jsonl, line 2: target 'cup' has no number for a coordinate"
    with pytest.raises(SourceError, match=message):
        evaluate([str(run)], str(tmp_path / "out"), runner=LOCAL)


def test_scores_are_not_replaced_by_accident(tmp_path: Path) -> None:
    run = str(write_predictions(tmp_path / "run", random_lines(9, 2)))
    evaluate([run], str(tmp_path / "out"), runner=LOCAL)
    with pytest.raises(OutputError, match="holds scores already"):
        evaluate([run], str(tmp_path / "out"), runner=LOCAL)
    evaluate([run], str(tmp_path / "out"), runner=LOCAL, overwrite=True)


def test_names_must_fit_the_runs(tmp_path: Path) -> None:
    run = str(write_predictions(tmp_path / "run", random_lines(9, 2)))
    with pytest.raises(GroundrayError, match="1 runs need as many different names"):
        evaluate([run], str(tmp_path / "out"), names=["a", "b"], runner=LOCAL)


def test_low_scores_can_be_left_out_of_the_operating_point(tmp_path: Path) -> None:
    boxes = [said("cup", (0, 0, 9, 9), score=0.9), said("cup", (50, 50, 60, 60), score=0.1)]
    run = write_predictions(tmp_path / "run", [line([target("cup", (0, 0, 9, 9))], boxes)])
    scores = evaluate(
        [str(run)], str(tmp_path / "out"), score_mode="logprob", min_score=0.5, runner=LOCAL
    ).runs[0]
    assert scores.operating_point.predictions == 1
    assert scores.operating_point.precision_50 == 1


def test_a_detectors_results_are_scored_in_the_same_way(tmp_path: Path) -> None:
    pair = Path(__file__).parents[2] / "data/evalpairs/cocoapi_fake100"
    scores = evaluate_coco(
        str(pair / "gt.json"), [str(pair / "dt.json")], str(tmp_path / "out"), replicates=10
    )
    (run,) = scores.runs
    assert run.coco.mode == "given"
    assert pytest.approx(0.5045806987249628, abs=1e-9) == run.coco.AP
    assert run.records == 100
    assert run.operating_point.predictions == 734
    assert run.classes_from == "annotations"


@pytest.mark.parametrize(
    ("truth", "results", "message"),
    [
        ("[]", "[]", "not a COCO file of annotations"),
        ('{"images": [], "annotations": [], "categories": []}', "{", "not JSON"),
        (
            '{"images": [{"id": 3}], "annotations": [], "categories": []}',
            '[{"image_id": 4, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 1}]',
            "image_id 4",
        ),
        ('{"images": [], "annotations": [], "categories": []}', '[{"a": 1}]', "file of results"),
    ],
)
def test_a_file_that_is_not_cocos_is_named(
    tmp_path: Path, truth: str, results: str, message: str
) -> None:
    (tmp_path / "gt.json").write_text(truth)
    (tmp_path / "dt.json").write_text(results)
    with pytest.raises(SourceError, match=message):
        evaluate_coco(str(tmp_path / "gt.json"), [str(tmp_path / "dt.json")], str(tmp_path / "out"))


def test_categories_that_annotations_do_not_have_are_invented(tmp_path: Path) -> None:
    (tmp_path / "gt.json").write_text(
        '{"images": [{"id": 3}], "annotations": [], "categories": [{"id": 1, "name": "a"}]}'
    )
    (tmp_path / "dt.json").write_text(
        '[{"image_id": 3, "category_id": 9, "bbox": [0, 0, 1, 1], "score": 1}]'
    )
    scores = evaluate_coco(
        str(tmp_path / "gt.json"), [str(tmp_path / "dt.json")], str(tmp_path / "out")
    )
    assert scores.runs[0].health.invented_names[0].name == "category_id 9"
