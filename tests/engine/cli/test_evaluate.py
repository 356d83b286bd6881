"""The commands `evaluate` and `export`."""

import json
from pathlib import Path

import pytest

from groundray.engine.cli import main
from tests.engine.prediction.predictions_made import write_predictions
from tests.engine.scoring.made import random_lines


def test_a_table_is_printed_with_intervals_and_differences(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [
        str(write_predictions(tmp_path / name, random_lines(seed, 20), checkpoint=name))
        for seed, name in enumerate(("before", "after"))
    ]
    assert main(["evaluate", *runs, str(tmp_path / "out"), "--runner", "local"]) == 0
    printed = capsys.readouterr().out
    assert "F1 at IoU 0.5" in printed
    assert "AP (constant)" in printed
    assert "after - before" in printed
    assert "invented classes" in printed


def test_json_is_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(write_predictions(tmp_path / "run", random_lines(1, 5)))
    arguments = ["--json", "--bootstrap", "0", "--name", "mine", "--runner", "local"]
    assert main(["evaluate", run, str(tmp_path / "out"), *arguments]) == 0
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "out/scores.json").read_text()
    assert json.loads(printed)["runs"][0]["name"] == "mine"


def test_export_and_evaluate_coco_go_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(write_predictions(tmp_path / "run", random_lines(1, 20)))
    results = str(tmp_path / "dt.json")
    assert main(["export", run, results, "--coco"]) == 0
    truth = str(tmp_path / "dt.truth.json")
    assert main(["evaluate", "--coco", truth, results, str(tmp_path / "out")]) == 0
    assert "AP (given)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "option",
    ["--score-mode order", "--classes a.txt", "--gallery 5", "--plugin a.py", "--runner local"],
)
def test_coco_files_leave_nothing_to_options_about_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    command = ["evaluate", "--coco", "a.json", "b.json", str(tmp_path), *option.split()]
    assert main(command) == 2
    words = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert f"leave out {option.split(maxsplit=1)[0]}" in words


def test_an_output_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "only"]) == 2
    assert "PREDICTIONS" in capsys.readouterr().err
