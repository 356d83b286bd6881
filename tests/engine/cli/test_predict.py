import json
from pathlib import Path

import pytest

from groundray.engine import Runner, convert
from groundray.engine.cli import main
from tests.engine.coco import SAMPLE
from tests.engine.training.test_sweep import TELLER, save_model


@pytest.fixture
def converted(tmp_path: Path) -> Path:
    convert(str(SAMPLE), str(tmp_path / "in"), formats=["qwen3-vl"], runner=Runner("local"))
    return tmp_path / "in"


def test_the_command_asks_and_says_what_came_back(
    converted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = tmp_path / "answers.jsonl"
    answers.write_text(json.dumps({"id": "205401", "text": "None"}) + "\n")
    command = ["predict", str(converted), str(tmp_path / "out"), "--checkpoint", str(answers)]
    command += ["--format", "qwen3-vl", "--actors", "1,2", "--batch-size", "4"]
    assert main([*command, "--max-pixels", "train"]) == 0
    told = capsys.readouterr()
    assert "6 answers about val, with 0 boxes for 31 targets" in told.out
    assert "failed: 5" in told.out
    assert "answers: 1/1 units" in told.err
    assert main([*command, "--max-pixels", "train", "--json"]) == 0
    (manifest,) = json.loads(capsys.readouterr().out)
    assert manifest["records"]["predicted"] == 6


@pytest.mark.parametrize(
    "options",
    [["--actors", "2,1"], ["--actors", "x"], ["--batch-size", "many"], ["--max-pixels", "big"]],
)
def test_what_is_no_number_is_wrong_usage(options: list[str], tmp_path: Path) -> None:
    command = ["predict", str(SAMPLE), str(tmp_path / "out"), "--checkpoint", "a.jsonl"]
    assert main([*command, "--format", "qwen3-vl", *options]) == 2


def test_the_sweep_command_names_the_best(
    converted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(tmp_path / "run/hf_checkpoint-20", converted, known=16)
    command = ["sweep", str(tmp_path / "run"), str(converted), str(tmp_path / "out")]
    command += ["--format", "qwen3-vl", "--backend", "step-teller", "--plugin", TELLER]
    assert main([*command, "--runner", "local", "--bootstrap", "20"]) == 0
    told = capsys.readouterr().out
    assert "step-20: f1_50 1.000" in told
    assert "best: step-20, f1_50 1.000" in told
