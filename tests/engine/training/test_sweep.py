"""A sweep over a run whose models appear while it looks."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from groundray.engine import Runner, convert
from groundray.engine.training.launch import TrainingResult
from groundray.engine.training.saved_models import find_saved_models
from groundray.engine.training.sweep import Sweep, sweep, train_and_sweep
from groundray.engine.training.train import plan_training
from groundray.formats import Rendered
from groundray.formats.errors import ModelError, TrainingError
from groundray.formats.trainer import trained_text
from tests.engine.coco import rows, write
from tests.engine.conversion.test_convert import examples
from tests.engine.training.training_made import write_data

TELLER = str(Path(__file__).with_name("step_teller.py"))
LOCAL = Runner("local")


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("swept")
    source = write(folder / "in", {"val": rows(12)})
    convert(str(source), str(folder / "out"), formats=["qwen3-vl"], runner=LOCAL)
    return folder / "out"


def save_model(folder: Path, converted: Path, *, known: int) -> None:
    """A model that answers the first `known` records as they were trained."""
    answers = {
        example["id"]: trained_text(
            Rendered(example["messages"][-1]["content"], example.get("objects"))
        )
        for example in examples(converted)[:known]
    }
    folder.mkdir(parents=True)
    save_file({"weight": np.zeros(8, dtype=np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"answers": answers}))


def run(folder: Path, converted: Path, output: Path, **options: Any) -> Sweep:
    return sweep(
        str(folder),
        str(converted),
        str(output),
        format="qwen3-vl",
        backend="step-teller",
        plugins=[TELLER],
        runner=LOCAL,
        replicates=50,
        **options,
    )


def test_every_model_is_scored_and_the_best_is_named(converted: Path, tmp_path: Path) -> None:
    for step, known in ((100, 4), (20, 2), (200, 12)):
        save_model(tmp_path / f"run/hf_checkpoint-{step}", converted, known=known)
    save_model(tmp_path / "run/end", converted, known=9)
    for file in (tmp_path / "run/end").iterdir():
        file.rename(tmp_path / "run" / file.name)
    seen: list[list[str]] = []
    found = run(
        tmp_path / "run",
        converted,
        tmp_path / "out",
        on_model=lambda each: seen.append([model.name for model in each.models]),
    )
    assert [model.name for model in found.models] == ["step-20", "step-100", "step-200", "end"]
    assert seen[0] == ["step-20"]
    assert len(seen) == 4
    assert found.best is not None
    assert (found.best.name, found.best.metric) == ("step-200", "f1_50")
    assert found.best.value == pytest.approx(1.0)
    assert found.best.interval is not None
    scores = json.loads((tmp_path / "out/scores.json").read_text())
    assert [each["name"] for each in scores["runs"]] == [model.name for model in found.models]
    assert (tmp_path / "out/report.html").is_file()


def test_models_are_found_while_the_training_goes_on(
    converted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("groundray.engine.training.sweep.POLL_S", 0.05)
    ended, first = Event(), Event()
    folder = tmp_path / "run"

    def train() -> None:
        save_model(folder / "hf_checkpoint-1", converted, known=1)
        first.wait(60)
        save_model(folder / "hf_checkpoint-2", converted, known=5)
        for file in (folder / "hf_checkpoint-1").iterdir():  # the trainer keeps the newest
            file.unlink()
        (folder / "hf_checkpoint-1").rmdir()
        ended.set()

    trainer = Thread(target=train)
    trainer.start()
    found = run(
        folder,
        converted,
        tmp_path / "out",
        is_running=lambda: not ended.is_set(),
        on_model=lambda each: first.set(),
    )
    trainer.join()
    assert [model.name for model in found.models] == ["step-1", "step-2"]
    again = run(folder, converted, tmp_path / "out")
    assert [each.name for each in again.scores.runs] == ["step-1", "step-2"]


Train = Callable[[Callable[[], None]], TrainingResult]


@pytest.fixture
def train_beside(
    converted: Path, tmp_path: Path
) -> Callable[[Train, Callable[[Sweep], None]], tuple[TrainingResult, Sweep]]:
    """Sweeps beside a training; a model of step 5 is there from the beginning."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text(json.dumps({"model_type": "qwen3_vl"}))
    data = write_data(tmp_path / "data", train=1, val=0).parent
    shutil.copytree(converted, tmp_path / "data", dirs_exist_ok=True)
    training = plan_training(
        str(data / "qwen3-vl"),
        str(tmp_path / "run"),
        model=str(tmp_path / "model"),
        gpus_per_node=0,
    )
    save_model(tmp_path / "run/hf_checkpoint-5", converted, known=3)

    def beside(train: Train, on_model: Callable[[Sweep], None]) -> tuple[TrainingResult, Sweep]:
        return train_and_sweep(
            training,
            str(tmp_path / "sweep"),
            train=train,
            runner=LOCAL,
            on_model=on_model,
            backend="step-teller",
            plugins=[TELLER],
            replicates=0,
        )

    return beside


def test_a_training_is_swept_once_it_has_its_nodes(train_beside: Any, tmp_path: Path) -> None:
    first = Event()

    def train(begin: Callable[[], None]) -> TrainingResult:
        assert not first.wait(1)  # the sweep would take what the training waits for
        begin()
        assert first.wait(60)
        return TrainingResult(tmp_path, 5, 0.1, 0, is_new=True)

    result, found = train_beside(train, lambda each: first.set())
    assert result.steps == 5
    assert found.newest == ("step-5",)
    assert found.best.interval is None


def test_a_training_that_had_finished_is_swept(train_beside: Any, tmp_path: Path) -> None:
    finished = TrainingResult(tmp_path, 5, 0.1, 0, is_new=False)
    result, found = train_beside(lambda begin: finished, lambda each: None)
    assert not result.is_new
    assert found.newest == ("step-5",)


def test_a_training_that_gets_no_nodes_is_not_swept(train_beside: Any, tmp_path: Path) -> None:
    def train(begin: Callable[[], None]) -> TrainingResult:
        raise TrainingError("no nodes")

    with pytest.raises(TrainingError, match="no nodes"):
        train_beside(train, lambda each: None)
    assert not (tmp_path / "sweep").exists()


def test_a_run_without_a_model_is_refused(converted: Path, tmp_path: Path) -> None:
    (tmp_path / "run/checkpoint-20").mkdir(parents=True)
    with pytest.raises(ModelError, match="save_hf_steps"):
        run(tmp_path / "run", converted, tmp_path / "out")


def test_a_model_that_is_still_written_is_not_taken(converted: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run/hf_checkpoint-7"
    save_model(folder, converted, known=1)
    assert [model.step for model in find_saved_models(tmp_path / "run")] == [7]
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    for size in (0, 4, 20, len(whole) - 1):
        weights.write_bytes(whole[:size])
        assert find_saved_models(tmp_path / "run") == []
    weights.write_bytes(whole)
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"weight": "model.safetensors", "more": "gone.safetensors"}})
    )
    assert find_saved_models(tmp_path / "run") == []
