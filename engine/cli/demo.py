"""`groundray demo`."""

from typing import TYPE_CHECKING, Annotated

import typer

from groundray.engine.cli.terminal import say

if TYPE_CHECKING:
    from groundray.engine.demo import Step

EPILOG = "Example: groundray demo demo"


def demo(
    output: Annotated[
        str, typer.Argument(metavar="OUTPUT", help="A new folder for all that it writes.")
    ] = "demo",
) -> None:
    """Show the whole story on the sample: a toy is trained and scored.

    Takes four to seven minutes on two cores, without a GPU; needs `pip install 'groundray[cpu]'`.
    """
    from groundray.engine.demo import run_demo

    report = run_demo(output, on_step=_announce)
    say(
        "\nThe toy has learned five images by heart: its boxes on them are exact, because it was "
        "trained on\nthem, and on others it finds next to nothing. That is memory, and no skill: "
        "what the demo shows\nis that every step fits the next. A real model takes the same "
        "commands, data and GPUs."
    )
    say(f"open: {report.resolve()}")


def _announce(step: "Step") -> None:
    typer.secho(f"\n{step.about}", bold=True)
    typer.secho(f"$ {step.typed}", fg="cyan")
