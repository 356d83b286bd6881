"""`groundray models`."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from groundray.engine.cli.tables import aligned
from groundray.engine.cli.terminal import say
from groundray.formats.errors import ModelError

models = typer.Typer(help="Show what can answer, and build checkpoints to try it with.")

PluginOption = Annotated[
    list[Path] | None,
    typer.Option("--plugin", help="Python file that defines further backends.", metavar="FILE.py"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, not a table.")]

_COLUMNS = ("name", "images", "batch", "logprobs", "usable", "package")


@models.callback(invoke_without_command=True, epilog="Example: groundray models")
def bare(context: typer.Context, as_json: JsonOption = False, plugin: PluginOption = None) -> None:
    """Show what can answer, and build checkpoints to try it with."""
    _add(plugin)
    if context.invoked_subcommand is None:
        _print_list(as_json=as_json)


@models.command("list", epilog="Example: groundray models list --json")
def list_(as_json: JsonOption = False, plugin: PluginOption = None) -> None:
    """List all backends, their packages, and whether they work here."""
    _add(plugin)
    _print_list(as_json=as_json)


@models.command(epilog="Example: groundray models tiny checkpoints/tiny --family qwen3-vl")
def tiny(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write.")],
    family: Annotated[
        str, typer.Option(help="qwen3-vl, glm-4.5v or ernie-4.5-vl.", metavar="NAME")
    ] = "qwen3-vl",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Empty DIR first if it is not empty.")
    ] = False,
) -> None:
    """Build a tiny checkpoint of a real architecture, for a CPU."""
    from groundray.models.tiny import build_tiny

    num_parameters = build_tiny(folder, family=family, overwrite=overwrite)
    say(f"{folder}: {family} with {num_parameters:,} random parameters")
    say(f"next: groundray predict DATA OUTPUT --checkpoint {folder} --format {family} --limit 8")


def _add(plugins: list[Path] | None) -> None:
    from groundray.models import BACKENDS

    for plugin in plugins or ():
        BACKENDS.add_file(plugin)


def _print_list(*, as_json: bool) -> None:
    from groundray.models import backend_names

    rows = [_row(name) for name in backend_names()]
    if as_json:
        say(json.dumps(rows))
        return
    table = [list(_COLUMNS), *([_cell(value) for value in row.values()] for row in rows)]
    for line in aligned(table):
        say(line)


def _row(name: str) -> dict[str, str | int | bool | None]:
    from groundray.models import BACKENDS, get_backend

    try:
        backend = get_backend(name)
    except ModelError as error:
        return dict.fromkeys(_COLUMNS) | {
            "name": name,
            "usable": str(error),
            "package": BACKENDS.origin(name),
        }
    needs = getattr(backend, "needs", ())
    missing = [module for module in needs if find_spec(module) is None]
    return {
        "name": name,
        "images": backend.image_input,
        "batch": backend.batch_size,
        "logprobs": backend.has_logprobs,
        "usable": f"no: {', '.join(missing)} is not installed" if missing else "yes",
        "package": BACKENDS.origin(name),
    }


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
