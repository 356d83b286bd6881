"""Preflight: what the trainer will make of the data, before a GPU is touched."""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from groundray.engine.training.example_checks import Problem, example_problems, parse_example
from groundray.engine.training.examples import Examined, ExampleReader
from groundray.formats.errors import SourceError

if TYPE_CHECKING:
    from groundray.engine.training.train import Training

CHECKED = 2000
"""Examples whose images are decoded and tokens counted, where nothing else is said."""

SMALL_PX = 10.0
"""An object under this, on its shorter side, in the image that the model sees, is a small one."""

_KEPT = 0.99
_BLOCK_BYTES = 1 << 20
_MAX_LABELS = 100_000


@dataclass(slots=True)
class Finding:
    """One kind of problem.

    Attributes:
        code: that it is counted by.
        is_error: whether it stops the training.
        count: examples that have it.
        where: file and line of the first.
        detail: of the first, in words.
    """

    code: str
    is_error: bool
    count: int
    where: str
    detail: str


@dataclass(slots=True)
class SplitNumbers:
    """Numbers of a split; those of tokens and pixels are of the examined examples alone.

    Attributes:
        shards: files.
        examples: lines.
        objects: boxes of the examined.
        labels: different ones of the examined.
        examined: examples whose images were decoded and whose tokens were counted.
        tokens_mean, tokens_median, tokens_99, tokens_max: of a sequence; None where they were not
            counted.
        too_long: examined that the trainer leaves out, longer than max_seq_len; None likewise.
        smallest_px: shorter side of the smallest object, in the image that the model sees.
        small: objects under 10 px on their shorter side.
    """

    shards: int
    examples: int = 0
    objects: int = 0
    labels: int = 0
    examined: int = 0
    tokens_mean: float | None = None
    tokens_median: int | None = None
    tokens_99: int | None = None
    tokens_max: int | None = None
    too_long: int | None = None
    smallest_px: float | None = None
    small: int = 0


@dataclass(slots=True)
class Preflight:
    """What was found.

    Attributes:
        splits: numbers by split: train, and val where there is one.
        max_seq_len: of the training.
        keeps_99: the max_seq_len that would keep 99 % of train; None where tokens were not counted.
        steps_per_epoch: about how many; None where tokens were not counted.
        steps: about how many in all.
        findings: errors first.
        notes: what was not looked at, and why.
    """

    splits: dict[str, SplitNumbers]
    max_seq_len: int
    keeps_99: int | None = None
    steps_per_epoch: int | None = None
    steps: int | None = None
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def errors(self) -> list[Finding]:
        """Findings that stop the training."""
        return [finding for finding in self.findings if finding.is_error]

    def to_json(self) -> bytes:
        """The report as a file."""
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    def raise_for_errors(self) -> None:
        """Raises what stops the training.

        Raises:
            SourceError: there is an error.
        """
        if self.errors:
            first = self.errors[0]
            others = "" if len(self.errors) == 1 else f"; {len(self.errors) - 1} other kinds"
            raise SourceError(
                f"the data is not fit to train on: {first.code} in {first.count:,} examples, first "
                f"{first.where}: {first.detail}{others}"
            )


def check_data(training: "Training", *, sample: int | None = CHECKED) -> Preflight:
    """Reads every line of train and val; looks closely at a sample, evenly spread.

    Memory does not grow with the data, but for 16 bytes an examined example and object.

    Args:
        training: whose data it is.
        sample: examples of a split to examine: images decoded, tokens counted, boxes measured;
            None for all.
    """
    reader, notes = ExampleReader.of(training)
    max_seq_len = training.settings.number("max_seq_len", 4096)
    report = Preflight({}, max_seq_len, notes=notes)
    found = _Findings()
    lengths: dict[str, list[int]] = {}
    for split in ("train", "val"):
        if split in training.data.shards:
            gathered = _check_split(training.data.shards[split], reader, found, sample)
            report.splits[split] = gathered.numbers(max_seq_len)
            lengths[split] = gathered.tokens
            if gathered.urls:
                report.notes.append(f"{split}: {gathered.urls:,} images at URLs were not fetched")
    _check_totals(training, report, found)
    _check_lengths(training, report, lengths["train"], found)
    _estimate_steps(training, report, lengths["train"])
    _warn(training, report, found)
    report.findings = found.sorted()
    return report


class _Findings:
    def __init__(self) -> None:
        self._errors: dict[str, Finding] = {}
        self._warnings: list[Finding] = []

    def error(self, problem: Problem, where: str, count: int = 1) -> None:
        """Counts an error; the first of its code is the one that is shown."""
        first = Finding(problem.code, True, 0, where, problem.detail)  # noqa: FBT003
        self._errors.setdefault(problem.code, first).count += count

    def has(self, code: str, where: str) -> bool:
        """Whether an error of a code was found there first."""
        return code in self._errors and self._errors[code].where == where

    def warn(self, code: str, where: str, count: int, detail: str) -> None:
        self._warnings.append(Finding(code, False, count, where, detail))  # noqa: FBT003

    def sorted(self) -> list[Finding]:
        return [*sorted(self._errors.values(), key=lambda each: -each.count), *self._warnings]


@dataclass(slots=True)
class _Gathered:
    """What a split's examples add up to."""

    shards: int
    examples: int = 0
    examined: int = 0
    urls: int = 0
    tokens: list[int] = field(default_factory=list)
    sides: list[float] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)

    def add(self, examined: Examined) -> None:
        self.examined += 1
        self.urls += examined.urls
        if examined.num_tokens is not None:
            self.tokens.append(examined.num_tokens)
        self.sides.extend(examined.sides_px)
        if len(self.labels) < _MAX_LABELS:  # expressions are all different
            self.labels.update(examined.labels)

    def numbers(self, max_seq_len: int) -> SplitNumbers:
        numbers = SplitNumbers(self.shards, self.examples, len(self.sides), len(self.labels))
        numbers.examined = self.examined
        if self.tokens:
            tokens = np.array(self.tokens)
            numbers.tokens_mean = float(tokens.mean())
            numbers.tokens_median = int(np.median(tokens))
            numbers.tokens_99 = int(np.quantile(tokens, _KEPT, method="higher"))
            numbers.tokens_max = int(tokens.max())
            numbers.too_long = int((tokens > max_seq_len).sum())
        if self.sides:
            sides = np.array(self.sides)
            numbers.smallest_px = float(sides.min())
            numbers.small = int((sides < SMALL_PX).sum())
        return numbers


def _check_split(
    shards: tuple[Path, ...], reader: ExampleReader, found: _Findings, sample: int | None
) -> _Gathered:
    gathered = _Gathered(len(shards))
    total = sum(map(_count_lines, shards))
    every = 1 if sample is None else max(1, math.ceil(total / sample))
    for shard in shards:
        for number, line in _iter_lines(shard):
            where = f"{shard}:{number}"
            add = _adder(found, where)
            example = parse_example(line)
            if isinstance(example, Problem):
                add(example)
                continue
            problems = list(example_problems(example))
            for problem in [*problems, *reader.missing_images(example, shard)]:
                add(problem)
            if gathered.examples % every == 0 and not problems:
                gathered.add(reader.examine(example, shard, add))
            gathered.examples += 1
    return gathered


def _adder(found: _Findings, where: str) -> Callable[[Problem], None]:
    """Counts problems of one example, each code once."""
    seen: set[str] = set()

    def add(problem: Problem) -> None:
        if problem.code not in seen:
            seen.add(problem.code)
            found.error(problem, where)

    return add


def _iter_lines(shard: Path) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers, from 1; the trainer passes over empty ones."""
    with shard.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, line


def _count_lines(shard: Path) -> int:
    with shard.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(_BLOCK_BYTES), b""))


def _check_totals(training: "Training", report: Preflight, found: _Findings) -> None:
    folder, expected = str(training.data.folder), training.data.examples
    if report.splits["train"].examples == 0:
        found.error(Problem("no_examples", "train holds no example"), folder)
    others = [
        shard
        for split, shards in training.data.shards.items()
        if split not in report.splits
        for shard in shards
    ]
    here = sum(numbers.examples for numbers in report.splits.values())
    here += sum(map(_count_lines, others))
    if expected is not None and here != expected:
        detail = f"{here:,} lines here, {expected:,} examples in the conversion's manifest"
        found.error(Problem("count_unlike_manifest", detail), folder)


def _check_lengths(
    training: "Training", report: Preflight, tokens: list[int], found: _Findings
) -> None:
    """Refuses what would train on nothing: the trainer leaves out what is too long."""
    if tokens and min(tokens) > report.max_seq_len:
        detail = (
            f"every one that was examined is longer than max_seq_len {report.max_seq_len:,}, so "
            f"nothing would be trained; --set max_seq_len={max(tokens)} keeps them"
        )
        folder = f"{training.data.folder}/train"
        found.error(Problem("all_too_long", detail), folder, len(tokens))


def _estimate_steps(training: "Training", report: Preflight, tokens: list[int]) -> None:
    """Steps, as far as lengths tell: packing fills sequences to about their limit."""
    if not tokens:
        return
    limit, settings = report.max_seq_len, training.settings
    kept = [length for length in tokens if length <= limit]
    sequences = report.splits["train"].examples * len(kept) / len(tokens)
    if settings.values.get("packing"):
        sequences *= sum(kept) / max(len(kept), 1) / limit
    report.keeps_99 = report.splits["train"].tokens_99
    report.steps_per_epoch = max(1, math.ceil(sequences / training.global_batch))
    in_all = report.steps_per_epoch * float(settings.values.get("num_train_epochs", 1))
    report.steps = settings.number("max_steps", math.ceil(in_all))


def _warn(training: "Training", report: Preflight, found: _Findings) -> None:
    for split, numbers in report.splits.items():
        folder = f"{training.data.folder}/{split}"
        if numbers.too_long and not found.has("all_too_long", folder):
            detail = (
                f"of {numbers.examined:,} examined these are longer than max_seq_len "
                f"{report.max_seq_len:,}, and the trainer leaves them out; {numbers.tokens_99:,} "
                "would keep 99 %"
            )
            found.warn("too_long", folder, numbers.too_long, detail)
        if numbers.small:
            detail = (
                f"of {numbers.objects:,} objects these are under {SMALL_PX:g} px on their shorter "
                "side in the image that the model sees"
            )
            found.warn("small_objects", folder, numbers.small, detail)
    every = training.settings.values.get("save_steps", 500)
    if report.steps is not None and isinstance(every, int) and report.steps < every:
        detail = (
            f"about {report.steps:,} steps, and save_steps is {every:,}: the final model alone "
            "will be there to evaluate"
        )
        found.warn("no_checkpoint_before_the_end", str(training.data.folder), report.steps, detail)


def summary_rows(report: Preflight) -> list[tuple[str, dict[str, Any]]]:
    """What the table shows: a name, and a value for each split."""
    of = report.splits.items()
    return [
        ("shards", {split: n.shards for split, n in of}),
        ("examples", {split: n.examples for split, n in of}),
        ("examined", {split: n.examined for split, n in of}),
        ("objects of the examined", {split: n.objects for split, n in of}),
        ("different labels", {split: n.labels for split, n in of}),
        ("tokens, median", {split: n.tokens_median for split, n in of}),
        ("tokens, 99 %", {split: n.tokens_99 for split, n in of}),
        ("tokens, longest", {split: n.tokens_max for split, n in of}),
        (f"longer than max_seq_len {report.max_seq_len:,}", {s: n.too_long for s, n in of}),
        ("smallest object, px", {split: n.smallest_px for split, n in of}),
        (f"objects under {SMALL_PX:g} px", {split: n.small for split, n in of}),
    ]
