"""What people read names what people can type."""

from pathlib import Path

import pytest
import typer

from groundray.engine.cli import app, main

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


@pytest.mark.parametrize("arguments", [[], ["formats"], ["models"], ["recipes"]], ids=str)
def test_help_cuts_no_line_short(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*arguments, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "Commands:" in lines
    assert [line for line in lines[1:] if line.endswith("...")] == []


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_help_leaves_the_example_in_one_line(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([name, "--help"]) == 0
    example = (_COMMANDS[name].epilog or "").strip("\b\n")
    assert f"\n  {example}\n" in f"{capsys.readouterr().out}\n"
