"""`groundray recipes`."""

import json
from typing import Annotated

import typer

from groundray.engine.cli.tables import aligned
from groundray.engine.cli.terminal import say
from groundray.models.recipes import RECIPES, Recipe, get_recipe, recipe_names

recipes = typer.Typer(help="Show how each model family is trained.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, not a table.")]
NameArgument = Annotated[
    str, typer.Argument(help="Name of a recipe, or a FILE.yaml.", show_default=False)
]

_COLUMNS = ("name", "formats", "method", "gpus", "package")


@recipes.callback(invoke_without_command=True, epilog="Example: groundray recipes")
def bare(context: typer.Context, as_json: JsonOption = False) -> None:
    """Show how each model family is trained."""
    if context.invoked_subcommand is None:
        _print_list(as_json=as_json)


@recipes.command("list", epilog="Example: groundray recipes list --json")
def list_(as_json: JsonOption = False) -> None:
    """List all recipes, and the packages that they come from."""
    _print_list(as_json=as_json)


@recipes.command(epilog="Example: groundray recipes show qwen3-vl-full")
def show(name: NameArgument) -> None:
    """Show a recipe's settings, with the reason of each that matters."""
    recipe = get_recipe(name)
    say(f"# {recipe.name}, of {RECIPES.origin(recipe.name)}")
    say(f"# source: {recipe.source}")
    say(f"# tried: {recipe.tried}")
    say(recipe.yaml, end="")


def _print_list(*, as_json: bool) -> None:
    rows = [_row(get_recipe(name)) for name in recipe_names()]
    if as_json:
        say(json.dumps(rows))
        return
    cells = [[_cell(row[key]) for key in _COLUMNS] for row in rows]
    table = [list(_COLUMNS), *cells]
    for line in aligned(table):
        say(line)
    say("gpus: that a recipe is written for; 0 is a CPU")


def _row(recipe: Recipe) -> dict[str, object]:
    return {
        "name": recipe.name,
        "formats": list(recipe.formats),
        "method": recipe.method,
        "gpus": recipe.gpus,
        "model_types": list(recipe.model_types),
        "source": recipe.source,
        "tried": recipe.tried,
        "package": RECIPES.origin(recipe.name),
    }


def _cell(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
