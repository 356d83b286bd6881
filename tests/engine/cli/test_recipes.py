"""`groundray recipes`."""

import json

import pytest
import yaml

from groundray.engine.cli import main
from groundray.models.recipes import get_recipe, recipe_names


def test_every_recipe_is_listed_with_its_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == recipe_names()
    assert all(row["package"].startswith("groundray ") for row in rows)
    assert main(["recipes", "list"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in table[1:-1]] == recipe_names()


def test_what_is_shown_can_be_kept_as_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", "show", "qwen3-vl-full"]) == 0
    shown = capsys.readouterr().out
    assert yaml.safe_load(shown) == get_recipe("qwen3-vl-full").settings
    assert "# tried: " in shown


def test_an_unknown_recipe_is_an_error_of_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", "show", "qwen3"]) == 1
    assert capsys.readouterr().err.startswith("error: unknown recipe 'qwen3'")
