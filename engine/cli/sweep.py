"""`groundray sweep`."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from groundray.engine.cli.options import Address, BackendPlugins
from groundray.engine.cli.terminal import say

if TYPE_CHECKING:
    from groundray.engine.training.sweep import Sweep

EPILOG = "Example: groundray sweep run out sweep --format qwen3-vl --limit 200"


def sweep(
    run: Annotated[
        str, typer.Argument(metavar="RUN_DIR", help="OUTPUT of `train`, running or ended.")
    ],
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="A converted folder, or what `convert` reads.")
    ],
    output: Annotated[
        str, typer.Argument(metavar="OUTPUT", help="Folder for predictions, scores and the report.")
    ],
    format_name: Annotated[
        str, typer.Option("--format", metavar="NAME", help="Format that asks and reads answers.")
    ],
    split: Annotated[str, typer.Option(help="Split of the data to ask about.")] = "val",
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="Records to draw from the split.")
    ] = None,
    actors: Annotated[
        str | None, typer.Option(metavar="MIN[,MAX]", help="Processes that answer.")
    ] = None,
    gpus_per_actor: Annotated[float | None, typer.Option(metavar="F", help="GPUs of each.")] = None,
    batch_size: Annotated[
        str, typer.Option(metavar="N|auto", help="Records answered together.")
    ] = "auto",
    max_new_tokens: Annotated[int, typer.Option(help="Limit of an answer.")] = 1024,
    bootstrap: Annotated[
        int, typer.Option(metavar="N", help="Replicates of the intervals; 0 for none.")
    ] = 1000,
    plugin: BackendPlugins = None,
    backend: Annotated[
        str | None, typer.Option(metavar="NAME", help="What answers; see `groundray models`.")
    ] = None,
    address: Address = None,
    runner: Annotated[
        Literal["auto", "ray", "local"], typer.Option(help="Where the models are held.")
    ] = "auto",
) -> None:
    """Ask and score every model of a training as it appears."""
    from groundray.engine.cli.predict import parse_actors, parse_batch_size
    from groundray.engine.runners import Runner
    from groundray.engine.training.sweep import sweep as sweep_models

    found = sweep_models(
        run,
        data,
        output,
        format=format_name,
        split=split,
        limit=limit,
        actors=parse_actors(actors, gpus_per_actor),
        batch_size=parse_batch_size(batch_size),
        max_new_tokens=max_new_tokens,
        replicates=bootstrap,
        plugins=plugin or [],
        backend=backend,
        runner=Runner(runner, address),
        on_model=print_newest,
    )
    print_best(found)
    say(f"report: {output}/report.html")


def print_newest(found: "Sweep") -> None:
    """Prints a line for every model that came last."""
    from groundray.engine.training.sweep import headline

    for run in found.scores.runs:
        if run.name not in found.newest:
            continue
        metric, value, interval = headline(run)
        shown = "undefined" if value is None else f"{value:.3f}"
        if interval is not None:
            shown += f" ({interval[0]:.3f} to {interval[1]:.3f})"
        say(f"{run.name}: {metric} {shown} over {run.records:,} records")


def print_best(found: "Sweep") -> None:
    """Prints which model is best, with its interval."""
    best = found.best
    if best is None:
        say("best: none, they find nothing")
        return
    shown = f"{best.name}, {best.metric} {best.value:.3f}"
    if best.interval is not None:
        shown += f" (95 %: {best.interval[0]:.3f} to {best.interval[1]:.3f})"
    say(f"best: {shown}: {best.checkpoint}")
