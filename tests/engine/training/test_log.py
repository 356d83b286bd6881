"""What a real training of six steps said, line by line."""

from pathlib import Path

import pytest

from groundray.engine.training.log import Lines, TrainingLog, parse_numbers

CAPTURED = Path(__file__).with_name("log.txt").read_bytes()
"""PaddleFormers 1.2.0, tiny Qwen3-VL, six steps with an evaluation every two; colours and all."""


class Clock:
    """A second a reading."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def captured_lines() -> list[str]:
    lines = Lines()
    return [*lines.add(CAPTURED), *lines.end()]


def test_each_log_step_gives_one_row_and_each_evaluation_another() -> None:
    log = TrainingLog()
    rows = [row for line in captured_lines() if (row := log.read(line)) is not None]
    assert [(row["step"], row.get("loss", row.get("eval_loss"))) for row in rows] == [
        (1, 6.24854946),
        (2, 6.2785244),
        (2, 5.666857719421387),
        (3, 5.64720345),
        (4, 5.21947145),
        (4, 4.6537981033325195),
        (5, 4.66060114),
        (6, 4.40105009),
        (6, 4.291892051696777),
    ]
    assert rows[0] == {
        "step": 1,
        "epoch": 0.1667,
        "loss": 6.24854946,
        "learning_rate": 0.0015,
        "samples_per_s": 7.1295,
        "tokens_per_s_per_device": 3650.2989,
    }
    assert rows[2] == {
        "step": 2,
        "epoch": 0.3333,
        "eval_loss": 5.666857719421387,
        "samples_per_s": 22.2481,
    }


def test_progress_knows_the_end_and_the_time_that_is_left() -> None:
    log = TrainingLog(clock=Clock())
    seen = []
    for line in captured_lines():
        log.read(line)
        seen.append(log.progress)
    assert log.progress.step == log.progress.total_steps == 6
    assert log.progress.epoch == 1.0
    assert log.progress.loss == 4.40105009
    lefts = {each.step: each.left_s for each in seen}
    assert lefts == {0: None, 1: None, 2: 4.0, 3: 3.0, 4: 2.0, 5: 1.0, 6: 0.0}


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_lines_are_the_same_however_they_arrive(size: int) -> None:
    lines = Lines()
    pieces = [CAPTURED[start : start + size] for start in range(0, len(CAPTURED), size)]
    assert [line for piece in pieces for line in lines.add(piece)] == captured_lines()


def test_lines_have_no_colours() -> None:
    assert b"\x1b[32m" in CAPTURED
    assert not any("\x1b" in line for line in captured_lines())


def test_a_line_without_its_end_waits_for_it() -> None:
    lines = Lines()
    assert lines.add(b"loss: 1") == []
    assert lines.add(b"2\n\nlast") == ["loss: 12", ""]
    assert lines.end() == ["last"]
    assert lines.end() == []


def test_of_a_progress_bar_the_last_state_is_shown() -> None:
    assert Lines().add(b"  0%|  | 0/6\r 50%|##| 3/6\r\n") == [" 50%|##| 3/6"]


def test_bytes_that_are_no_text_stop_nothing() -> None:
    assert Lines().add(b"\xff\xfe loss\n") == ["\ufffd\ufffd loss"]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "loss: ",
        "[DataLoad global_step: 1] data_load_time: 118.39 ms",
        "loss_subbatch_sequence_length: -1 , use_fused_head_and_loss_fn: False",
        "  train_loss               =     5.4092",
        "train_runtime: 4.0705, train_loss: 5.409, progress_or_epoch: 1.0",
        "loss: high, learning_rate: 0.1, global_step: 3",
        "loss: 1.5, learning_rate: 0.1",
    ],
)
def test_other_lines_report_no_numbers(line: str) -> None:
    assert parse_numbers(line) is None


def test_a_loss_that_is_no_number_any_more_is_kept() -> None:
    row = parse_numbers("x - loss: nan, learning_rate: 0.1, global_step: 3, epoch: 1")
    assert row is not None
    assert row["loss"] != row["loss"]
    assert row["step"] == 3


def test_a_row_glued_to_a_progress_bar_is_found() -> None:
    row = parse_numbers(" 50%|##| 3/6 [2026-11-24] [ INFO] - loss: 1.5, global_step: 3")
    assert row == {"loss": 1.5, "step": 3}
