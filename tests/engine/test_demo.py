"""The demo, whole: what the README's first command does."""

import json
from pathlib import Path
from typing import Any

import pytest

from groundray.engine.cli import main
from groundray.engine.demo import Step, demo_steps, find_sample, run_demo
from tests.engine.coco import SAMPLE


def test_the_sample_is_found_where_the_code_is() -> None:
    assert find_sample() == SAMPLE.resolve()


def test_every_step_is_a_command_that_can_be_typed(tmp_path: Path) -> None:
    for step in demo_steps(tmp_path):
        verb = step.arguments[:2] if step.arguments[0] == "models" else step.arguments[:1]
        assert main([*verb, "--help"]) == 0
        assert step.about


def test_a_folder_with_something_in_it_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("")
    assert main(["demo", str(tmp_path)]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def figures(output: Path) -> list[dict[str, Any]]:
    """Of each run: its operating point."""
    scores = json.loads((output / "report/scores.json").read_text())
    return [run["operating_point"] | {"ceiling": run["ceiling"]} for run in scores["runs"]]


@pytest.mark.ray
@pytest.mark.timeout(300)
def test_every_step_fits_the_next(tmp_path: Path) -> None:
    told: list[Step] = []
    page = run_demo(str(tmp_path / "demo"), training_steps=4, on_step=told.append)
    assert [step.arguments[0] for step in told].count("predict") == 3
    assert "memorised" in page.read_text()
    assert (tmp_path / "demo/look.png").is_file()
    before, after, other = figures(tmp_path / "demo")
    assert before["predictions"] == 0
    assert (before["targets"], after["targets"], other["targets"]) == (20, 20, 31)


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(900)
def test_the_toy_learns_its_images_by_heart_and_nothing_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", str(tmp_path / "demo")]) == 0
    assert "has learned five images by heart" in capfd.readouterr().out
    before, after, other = figures(tmp_path / "demo")
    assert before["f1_50"] == 0
    assert after["f1_mean"] == after["ceiling"]["f1_mean"] == 1
    assert after["mean_iou"] == after["ceiling"]["mean_iou"]
    assert other["f1_50"] < 0.2
