"""`groundray train`."""

from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from groundray.engine.cli.options import Address
from groundray.engine.cli.terminal import console, say
from groundray.formats.errors import GroundrayError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from groundray.engine.training.launch import TrainingResult
    from groundray.engine.training.log import TrainingProgress
    from groundray.engine.training.node import Line
    from groundray.engine.training.train import Training

_LINE_EVERY_S = 10.0

EPILOG = "Example: groundray train out/qwen3-vl run --model checkpoints/tiny --cpu"


def train(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="CONVERTED/FORMAT, a folder of `convert`.")
    ],
    output: Annotated[
        str, typer.Argument(metavar="OUTPUT", help="Folder to write, which every node sees.")
    ],
    model: Annotated[
        str,
        typer.Option(help="Folder of a checkpoint, or the name of a model.", show_default=False),
    ],
    recipe: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Recipe, or a YAML file; by default the format's."),
    ] = None,
    nodes: Annotated[int, typer.Option(metavar="N", help="Machines that take part.")] = 1,
    gpus_per_node: Annotated[
        int | None, typer.Option(metavar="G", help="GPUs of each; as the recipe is written for.")
    ] = None,
    cpu: Annotated[
        bool, typer.Option("--cpu", help="Train on CPUs, one process a node; for tiny models.")
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Setting of the trainer; repeatable."),
    ] = None,
    check: Annotated[
        str,
        typer.Option(metavar="N|all", help="Examples that the preflight looks at closely."),
    ] = "2000",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check, print what would run, and write nothing.")
    ] = False,
    address: Address = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in OUTPUT.")
    ] = False,
    eval_: Annotated[
        bool,
        typer.Option("--eval", help="Ask and score every saved model beside the training."),
    ] = False,
    max_new_tokens: Annotated[int, typer.Option(help="Limit of an answer, with --eval.")] = 1024,
    logs: Annotated[
        bool, typer.Option("--logs", help="Show every line of every process, with its rank.")
    ] = False,
) -> None:
    """Train a model with PaddleFormers, once the data is checked."""
    from groundray.engine.cli.preflight_table import print_preflight
    from groundray.engine.training.preflight import check_data
    from groundray.engine.training.train import describe_start, parse_setting, plan_training
    from groundray.engine.training.train import train as run_training

    if cpu and gpus_per_node:
        raise typer.BadParameter("--cpu and --gpus-per-node exclude each other")
    sample = _sample(check)
    out = console(stderr=True)
    training = plan_training(
        data,
        output,
        model=model,
        recipe=recipe,
        nodes=nodes,
        gpus_per_node=0 if cpu else gpus_per_node,
        settings=dict(map(parse_setting, set_ or ())),
        resume=resume,
    )
    _announce(training, out)
    if dry_run:
        report = check_data(training, sample=sample)
        print_preflight(report, out)
        say(describe_start(training), end="")
        report.raise_for_errors()
        return
    reporter = _Reporter(out, show_lines=logs)
    run = partial(
        run_training,
        training,
        address=address,
        resume=resume,
        check=sample,
        on_check=lambda report: print_preflight(report, out),
        on_line=reporter.line,
        on_progress=reporter.progress,
    )
    result = _train_and_sweep(training, run, address, max_new_tokens) if eval_ else run()
    loss = "" if result.loss is None else f", loss {result.loss:.4f}"
    done = "trained" if result.is_new else "had been trained before:"
    say(f"{done} {result.steps:,} steps{loss}: {result.model}")
    format_name = training.data.format_name
    say(
        f"ask it: groundray predict {training.data.folder.parent} predictions "
        f"--checkpoint {result.model} --format {format_name}"
    )


def _train_and_sweep(
    training: "Training",
    run: "Callable[..., TrainingResult]",
    address: str | None,
    max_new_tokens: int,
) -> "TrainingResult":
    from groundray.engine.cli.sweep import print_best, print_newest
    from groundray.engine.runners import Runner
    from groundray.engine.training.settings import SWEEP
    from groundray.engine.training.sweep import train_and_sweep

    output = f"{training.job.output}/{SWEEP}"
    on_cpu = training.job.gpus_per_node == 0 and address is None
    result, found = train_and_sweep(
        training,
        output,
        train=lambda begin: run(on_reserved=begin),
        runner=Runner("local" if on_cpu else "ray", address),
        on_model=print_newest,
        max_new_tokens=max_new_tokens,
    )
    print_best(found)
    say(f"report: {output}/report.html")
    return result


def _announce(training: "Training", console: "Console") -> None:
    from groundray.engine.training.settings import VISUALDL

    job = training.job
    what = f"{job.gpus_per_node} GPUs" if job.gpus_per_node else "1 process on the CPU"
    console.print(
        f"recipe: {training.recipe.name}; {job.nodes} x {what}, {training.global_batch} sequences "
        "in a step"
    )
    console.print(f"curves: visualdl --logdir {job.output}/{VISUALDL} --port 8080")
    for warning in training.warnings:
        console.print(f"warning: {warning}")


class _Reporter:
    """Progress on stderr, a line every ten seconds; every line of the trainers where wanted."""

    def __init__(self, console: "Console", *, show_lines: bool) -> None:
        self._console = console
        self._show_lines = show_lines
        self._printed = 0.0

    def line(self, line: "Line") -> None:
        """Shows a line with the process that wrote it."""
        if self._show_lines:
            who = f"node {line.node}" if line.rank is None else f"rank {line.rank}"
            self._console.print(f"[{who}] {line.text}")

    def progress(self, progress: "TrainingProgress") -> None:
        """Says how far it is."""
        now = monotonic()
        is_last = progress.step == progress.total_steps
        if now - self._printed < _LINE_EVERY_S and not is_last:
            return
        self._printed = now
        total = "" if progress.total_steps is None else f"/{progress.total_steps:,}"
        parts = [f"step {progress.step:,}{total}"]
        if progress.loss is not None:
            parts.append(f"loss {progress.loss:.4f}")
        if progress.left_s:
            parts.append(f"{progress.left_s:,.0f} s left")
        self._console.print(", ".join(parts))


def _sample(check: str) -> int | None:
    if check == "all":
        return None
    try:
        number = int(check)
    except ValueError:
        number = 0
    if number < 1:
        raise GroundrayError(f"--check {check!r}: give a number of examples, or 'all'")
    return number
