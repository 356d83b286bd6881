"""What the suite disturbs: a conversion and a prediction of a few seconds, in many units."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import fsspec

from tests.chaos.commands import Start
from tests.chaos.output import open_output, results
from tests.engine.coco import rows, write

TELLER = Path(__file__).parents[1] / "engine/prediction/box_teller.py"
"""The backend that is asked: it writes every question into a log."""

BATCH_SIZE = 4
ROWS_PER_UNIT = 6


@dataclass(frozen=True, slots=True)
class Workload:
    """A command with data.

    Attributes:
        name: "convert" or "predict".
        source: INPUT, which no trial changes.
        options: what is typed besides INPUT and OUTPUT.
        units: how many there are.
        expected: the results of the undisturbed run.
        questions: the log of a prediction.
    """

    name: str
    source: str
    options: tuple[str, ...]
    units: int
    expected: dict[str, bytes] = field(repr=False)
    questions: Path | None = None

    def arguments(self, source: str, output: str, more: Sequence[str]) -> list[str]:
        """The command, as it is typed."""
        return [self.name, source, output, *self.options, *more]

    def asked(self) -> Counter[str]:
        """How often each record was asked about since the last `forget`."""
        if self.questions is None or not self.questions.exists():
            return Counter()
        return Counter(self.questions.read_text().split())

    def forget(self) -> None:
        """Empties the log of questions."""
        if self.questions is not None:
            self.questions.unlink(missing_ok=True)


def undisturbed(arguments: Sequence[str], output: str, log: Path) -> dict[str, bytes]:
    """The results of a command that runs in one process, with nothing in its way."""
    log.parent.mkdir(parents=True, exist_ok=True)
    end = Start([*arguments, "--runner", "local"], log).end()
    if end.status != 0:
        raise AssertionError(end.said)
    return results(open_output(output).files())


def make_conversion(
    folder: Path, *, files: int = 4, file_rows: int = 36, bucket: str | None = None
) -> Workload:
    """A conversion of COCO's sample, its rows repeated; decoding every image makes it last.

    Args:
        folder: for the data.
        files: of the source, the last of which is another split.
        file_rows: rows of each.
        bucket: URL, in place of `folder`, where INPUT and OUTPUT are to be.
    """
    names = [*(f"train-{i:05d}-of-{files - 1:05d}" for i in range(files - 1)), "val-00000-of-00001"]
    content = {name: rows(file_rows, first_id=1000 * i) for i, name in enumerate(names, start=1)}
    write(folder / "in", content, row_group_rows=ROWS_PER_UNIT)
    typed = f"--format qwen3-vl,glm-4.5v --verify decode --rows-per-shard {ROWS_PER_UNIT}"
    units = files * file_rows // ROWS_PER_UNIT
    return _workload("convert", folder, bucket, typed.split(), units, None)


def make_prediction(
    folder: Path, *, records: int = 120, slow_s: float = 0.03, bucket: str | None = None
) -> Workload:
    """A prediction by a backend that takes its time over every record."""
    raw = write(folder / "raw", {"val": rows(records)}, row_group_rows=ROWS_PER_UNIT)
    converted = str(folder / "in")
    undisturbed(["convert", str(raw), converted, "--format", "qwen3-vl"], converted, folder / "log")
    questions, checkpoint = folder / "questions", folder / "teller"
    checkpoint.write_text(json.dumps({"log": str(questions), "slow_s": slow_s}))
    typed = f"--format qwen3-vl --backend box-teller --batch-size {BATCH_SIZE}"
    typed += f" --rows-per-shard {ROWS_PER_UNIT}"
    options = [*typed.split(), "--checkpoint", str(checkpoint), "--plugin", str(TELLER)]
    return _workload("predict", folder, bucket, options, records // ROWS_PER_UNIT, questions)


def _workload(
    name: str,
    folder: Path,
    bucket: str | None,
    options: Sequence[str],
    units: int,
    questions: Path | None,
) -> Workload:
    """What was put at `folder/in`, moved to where it is wanted, and what comes of it.

    Predictions name images relative to OUTPUT, which stands to INPUT here as in every trial.
    """
    trial = folder.with_name(f"{folder.name}-undisturbed")
    source, output = str(folder / "in"), str(trial / "disk/out")
    if bucket is not None:
        source, output = f"{bucket}/{name}/in", f"{bucket}/{name}/undisturbed"
        fs, path = fsspec.core.url_to_fs(source)
        fs.put(f"{folder / 'in'}/", f"{path}/", recursive=True)
    expected = undisturbed([name, source, output, *options], output, trial / "log")
    return Workload(name, source, tuple(options), units, expected, questions)
