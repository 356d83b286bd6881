"""What the trainer writes while it trains: lines, and the numbers in them.

    [2026-11-24 16:26:11,318] [    INFO] - loss: 6.24854946, learning_rate: 0.0015, global_step: 1
    [2026-11-24 16:26:11,949] [    INFO] - eval_loss: 5.666857719421387, eval_runtime: 0.3596

Source: PaddleFormers 1.2.0, `trainer/trainer_callback.py` (`ProgressCallback.on_log`) and
`trainer/trainer.py`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_NUMBERS = re.compile(r"(?:^|[ -])((?:eval_)?loss: \S+, \w+: .*)$")
_TOTAL = re.compile(r"- +Total optimization steps = ([\d,]+)$")

_COLUMNS = {
    "global_step": "step",
    "progress_or_epoch": "epoch",
    "loss": "loss",
    "eval_loss": "eval_loss",
    "learning_rate": "learning_rate",
    "interval_samples_per_second": "samples_per_s",
    "eval_samples_per_second": "samples_per_s",
    "interval_tokens_per_second_per_device": "tokens_per_s_per_device",
}


class Lines:
    """Cuts a growing text into lines; a line that is not whole yet waits for its end."""

    def __init__(self) -> None:
        self._rest = b""

    def add(self, data: bytes) -> list[str]:
        """Lines that are whole now, without colours, and as a screen shows them."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [_shown(line) for line in whole]

    def end(self) -> list[str]:
        """What is left where no more comes."""
        rest, self._rest = self._rest, b""
        return [_shown(rest)] if rest else []


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """How far a training is.

    Attributes:
        step: optimizer steps done.
        total_steps: that there are to be; None until the trainer has said it.
        epoch: passes over the data, of one row of numbers; None before the first.
        loss: of the last row; None before the first.
        left_s: seconds to go, at the speed since this process began to train.
    """

    step: int = 0
    total_steps: int | None = None
    epoch: float | None = None
    loss: float | None = None
    left_s: float | None = None


Row = dict[str, float | int]
"""One row of metrics.jsonl."""


@dataclass(slots=True)
class TrainingLog:
    """Reads the lines of the first rank.

    Attributes:
        progress: so far.
        clock: seconds from anywhere.
    """

    progress: TrainingProgress = field(default_factory=TrainingProgress)
    clock: Callable[[], float] = monotonic
    _first: tuple[int, float] | None = None

    def read(self, line: str) -> Row | None:
        """The row of numbers in a line, or None where there are none; `progress` goes on."""
        if (total := _TOTAL.search(line)) is not None:
            steps = int(total[1].replace(",", ""))
            self.progress = TrainingProgress(self.progress.step, steps)
            return None
        row = parse_numbers(line)
        if row is None:
            return None
        if "step" not in row:  # an evaluation belongs to the step before it
            return {"step": self.progress.step, **row}
        self._go_on(row)
        return row

    def _go_on(self, row: Row) -> None:
        step, now = int(row["step"]), self.clock()
        if self._first is None:
            self._first = step, now
        first, started = self._first
        total, left_s = self.progress.total_steps, None
        if total is not None and step > first:
            left_s = (now - started) / (step - first) * max(0, total - step)
        self.progress = TrainingProgress(step, total, row.get("epoch"), row.get("loss"), left_s)


def parse_numbers(line: str) -> Row | None:
    """The numbers that a line of the trainer reports.

    Args:
        line: without colours; anything may stand before the numbers.

    Returns:
        Under the names of metrics.jsonl, those that are there: `step`, `epoch`, `loss` or
        `eval_loss`, `learning_rate`, `samples_per_s`, `tokens_per_s_per_device`. None where the
        line reports no loss.
    """
    found = _NUMBERS.search(line)
    if found is None:
        return None
    row: Row = {}
    for pair in found[1].split(", "):
        name, _, value = pair.partition(": ")
        if (column := _COLUMNS.get(name)) is not None:
            try:
                row[column] = int(value) if column == "step" else float(value)
            except ValueError:
                return None  # words that look alike
    is_loss = "loss" in row and "step" in row
    return row if is_loss or "eval_loss" in row else None


def _shown(line: bytes) -> str:
    text = line.decode(errors="replace").rstrip("\r")
    return _COLOUR.sub("", text.rpartition("\r")[2]).rstrip()
