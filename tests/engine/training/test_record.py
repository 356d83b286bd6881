"""Starts that are refused, or have nothing to do: none of them needs Ray."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from groundray.engine.storage import LocalStore
from groundray.engine.training.job import TrainingJob
from groundray.engine.training.launch import launch
from groundray.engine.training.record import (
    Attempt,
    TrainingRecord,
    now,
    read_record,
    write_record,
)
from groundray.formats.errors import OutputError, TrainingError
from tests.engine.training.test_checkpoints import WHOLE, write

NOWHERE = "127.0.0.1:1"


def job(output: Path, **settings: Any) -> TrainingJob:
    output.mkdir(exist_ok=True)
    config = output / "recipe.yaml"
    model = str(output / "checkpoints")
    config.write_text(yaml.safe_dump({"output_dir": model, "learning_rate": 0.1} | settings))
    return TrainingJob(str(output), str(config), 1, 0)


def record(output: Path, outcome: str | None, **settings: Any) -> None:
    configuration = yaml.safe_load((output / "recipe.yaml").read_text()) | settings
    attempt = Attempt(now(), nodes=1, gpus_per_node=0, ended=now(), outcome=outcome)
    write_record(LocalStore(output), TrainingRecord(configuration, [attempt]))


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    assert read_record(store) is None
    written = TrainingRecord({"seed": 1}, [Attempt(now(), 2, 8, 40), Attempt(now(), 1, 8, 60)])
    write_record(store, written)
    assert read_record(store) == written


def test_what_is_no_record_is_said_to_be_none(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.write(".groundray/training.json", b"[]")
    with pytest.raises(OutputError, match="not the record of a training"):
        read_record(store)


def test_a_finished_training_says_what_it_came_to(tmp_path: Path) -> None:
    made = job(tmp_path)
    record(tmp_path, "finished", resume_from_checkpoint="somewhere")
    rows = '{"step":9,"loss":0.5}\n{"step":9,"eval_loss":0.7}\n'
    (tmp_path / "metrics.jsonl").write_text(rows)
    result = launch(made, address=NOWHERE)
    assert (result.steps, result.loss, result.is_new) == (9, 0.5, False)


def test_another_training_is_not_mixed_in(tmp_path: Path) -> None:
    made = job(tmp_path)
    record(tmp_path, "finished", learning_rate=0.2)
    with pytest.raises(OutputError, match=r"learning_rate: 0\.2 there, 0\.1 now"):
        launch(made, address=NOWHERE)


@pytest.mark.parametrize("resume", [True, False])
def test_one_that_was_cut_short_goes_on_only_as_it_began(tmp_path: Path, *, resume: bool) -> None:
    made = job(tmp_path)
    write(tmp_path / "checkpoints", 2, WHOLE)
    record(tmp_path, "interrupted", learning_rate=0.2)
    with pytest.raises(OutputError, match="learning_rate"):
        launch(made, address=NOWHERE, resume=resume)


def test_one_that_was_cut_short_is_not_begun_anew(tmp_path: Path) -> None:
    made = job(tmp_path)
    write(tmp_path / "checkpoints", 2, WHOLE)
    record(tmp_path, None)
    with pytest.raises(OutputError, match=r"cut short \(step 2\); --resume"):
        launch(made, address=NOWHERE)


@pytest.mark.parametrize(
    ("text", "what"), [("[1", "cannot read"), ("seed: 1", "sets no output_dir"), ("", "output_dir")]
)
def test_a_configuration_that_is_none_is_refused(tmp_path: Path, text: str, what: str) -> None:
    made = job(tmp_path)
    Path(made.config).write_text(text)
    with pytest.raises(TrainingError, match=what):
        launch(made, address=NOWHERE)
