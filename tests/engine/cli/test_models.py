import json
from pathlib import Path

import numpy as np
import pytest

from groundray.engine.cli import main
from groundray.models import Prompt, Settings, backend_names, get_backend
from groundray.models.tiny import tiny_families

PLUGIN = '''
from groundray.models import Answer

class Echo:
    """Answers with the prompt."""

    name = "echo"
    image_input = "none"
    batch_size = 1
    max_batch_size = None
    has_logprobs = False
    needs = ("no_such_module",)
    device = "cpu"

    def __init__(self, settings):
        pass

    @classmethod
    def check(cls, settings):
        pass

    def answer(self, prompts):
        return [Answer(prompt.text) for prompt in prompts]

    def describe(self):
        return {}
'''


@pytest.mark.parametrize("arguments", [["models"], ["models", "list"]])
def test_backends_are_listed_as_a_table(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "images", "batch", "logprobs", "usable", "package"]
    assert [line.split()[0] for line in lines[1:]] == backend_names()


@pytest.mark.parametrize("arguments", [["models", "--json"], ["models", "list", "--json"]])
def test_backends_are_listed_as_json(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["paddleformers"]["images"] == "pixels"
    assert rows["paddleformers"]["usable"] == "yes"
    assert rows["paddleformers"]["package"].startswith("groundray ")


def test_what_a_backend_lacks_here_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "echo.py"
    plugin.write_text(PLUGIN)
    assert main(["models", "--plugin", str(plugin), "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["echo"]["usable"] == "no: no_such_module is not installed"
    assert rows["echo"]["package"] == str(plugin)


def test_the_help_names_every_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "tiny", "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(family in shown for family in tiny_families())


def test_the_docs_name_every_backend_and_family() -> None:
    docs = (Path(__file__).parents[3] / "docs/models.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in docs for name in [*backend_names(), *tiny_families()])


def test_the_backend_in_the_docs_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    docs = (Path(__file__).parents[3] / "docs/models.md").read_text(encoding="utf-8")
    plugin = tmp_path / "groundray_echo.py"
    plugin.write_text(docs.split("```python\n")[1].split("```")[0])
    assert main(["models", "--plugin", str(plugin)]) == 0
    assert "echo" in capsys.readouterr().out
    backend = get_backend("echo")
    settings = Settings(checkpoint="none", max_new_tokens=11)
    backend.check(settings)
    prompt = Prompt("1", "Where?", None, np.zeros((4, 5, 3), np.uint8))
    assert [answer.text for answer in backend(settings).answer([prompt])] == ["Where? (4, "]
