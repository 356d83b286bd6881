"""The demo, whole: what the README's first command does."""

import json
from pathlib import Path

import pytest

from groundray.engine.cli import main
from groundray.engine.demo import demo_steps, find_sample
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


@pytest.mark.ray
@pytest.mark.timeout(900)
def test_the_toy_learns_its_images_by_heart_and_nothing_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", str(tmp_path / "demo")]) == 0
    told = capfd.readouterr().out
    assert "has learned five images by heart" in told
    scores = json.loads((tmp_path / "demo/report/scores.json").read_text())
    before, after, other = scores["runs"]
    assert before["operating_point"]["f1_50"] == 0
    assert before["operating_point"]["predictions"] == 0
    assert after["operating_point"]["f1_mean"] == after["ceiling"]["f1_mean"] == 1
    assert after["operating_point"]["mean_iou"] == after["ceiling"]["mean_iou"]
    assert other["operating_point"]["f1_50"] < 0.2
    page = (tmp_path / "demo/report/report.html").read_text()
    assert "memorised" in page
    assert (tmp_path / "demo/look.png").is_file()
