"""What people read names what people can type."""

from pathlib import Path

import pytest
import typer

from groundray.engine.cli import app

ROOT = Path(__file__).parents[3]
GUIDES = {
    "convert": "convert.md",
    "evaluate": "evaluate.md",
    "predict": "predict.md",
    "train": "train.md",
}

_COMMANDS: dict[str, typer.core.TyperCommand] = dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_the_readme_names_every_command(name: str) -> None:
    assert f"`groundray {name}" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", sorted(GUIDES))
def test_a_guide_names_every_option_of_its_command(name: str) -> None:
    guide = (ROOT / "docs" / GUIDES[name]).read_text("utf-8")
    options = [option for each in _COMMANDS[name].params for option in each.opts]
    assert [option for option in options if option.startswith("--") and option not in guide] == []


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_every_command_ends_with_an_example_or_has_commands_of_its_own(name: str) -> None:
    command = _COMMANDS[name]
    assert hasattr(command, "commands") or "Example: groundray" in (command.epilog or "")
