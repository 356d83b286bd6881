from pathlib import Path

import pytest

from groundray.engine.training.checkpoints import newest_complete, read_checkpoints, set_aside

WHOLE = (
    "trainer_state.bin",
    "model_state/0_0.distcp",
    "optimizer_state/0_0.distcp",
    "optimizer_state/1_0.distcp",
    "optimizer_state/0.metadata",
    "saved_signal_0",
    "saved_signal_1",
    "scheduler.pdparams",
)
"""Files that two processes write, in their order."""


def write(folder: Path, step: int, names: tuple[str, ...]) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    for name in names:
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text("1")
    return path


def test_checkpoints_come_in_the_order_of_their_steps(tmp_path: Path) -> None:
    for step in (100, 20, 3):
        write(tmp_path, step, WHOLE)
    write(tmp_path / "hf", 4, WHOLE).rename(tmp_path / "hf_checkpoint-4")
    (tmp_path / "checkpoint-5").write_text("a file")
    assert [each.step for each in read_checkpoints(tmp_path)] == [3, 20, 100]
    assert all(each.is_complete for each in read_checkpoints(tmp_path))


def test_where_nothing_was_trained_there_are_none(tmp_path: Path) -> None:
    assert read_checkpoints(tmp_path / "nowhere") == []


@pytest.mark.parametrize("count", range(len(WHOLE)))
def test_a_checkpoint_that_was_cut_short_is_not_complete(tmp_path: Path, count: int) -> None:
    write(tmp_path, 2, WHOLE[:count])
    (checkpoint,) = read_checkpoints(tmp_path)
    assert not checkpoint.is_complete


@pytest.mark.parametrize("missing", ["trainer_state.bin", "saved_signal_1", "scheduler.pdparams"])
def test_no_process_may_be_missing(tmp_path: Path, missing: str) -> None:
    write(tmp_path, 2, tuple(name for name in WHOLE if name != missing))
    (checkpoint,) = read_checkpoints(tmp_path)
    assert not checkpoint.is_complete


def test_a_training_goes_on_from_the_newest_whole_one(tmp_path: Path) -> None:
    assert newest_complete([]) is None
    for step, names in ((2, WHOLE), (4, WHOLE), (6, WHOLE[:3])):
        write(tmp_path, step, names)
    newest = newest_complete(read_checkpoints(tmp_path))
    assert newest is not None
    assert newest.step == 4


def test_one_that_is_set_aside_is_kept_out_of_sight(tmp_path: Path) -> None:
    aside = tmp_path / "aside"
    for _ in range(2):
        write(tmp_path, 2, WHOLE[:3])
        (checkpoint,) = read_checkpoints(tmp_path)
        assert (set_aside(checkpoint, aside) / WHOLE[0]).exists()
        assert read_checkpoints(tmp_path) == []
    assert [path.name for path in sorted(aside.iterdir())] == ["checkpoint-2.0", "checkpoint-2.1"]
