import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from groundray.engine.cli import main
from groundray.formats import format_names
from groundray.formats.issues import ISSUES
from tests.plugins import PLUGIN_EXAMPLE

ANSWER = '[{"bbox_2d": [12, 34, 560, 780], "label": "猫"}, {"bbox_2d": [1, 2'


class Stdin(io.TextIOWrapper):
    """Standard input that holds bytes."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8")


def parse(monkeypatch: pytest.MonkeyPatch, content: bytes, *arguments: str) -> int:
    monkeypatch.setattr(sys, "stdin", Stdin(content))
    return main(["formats", "parse", *arguments])


@pytest.mark.parametrize("arguments", [["formats"], ["formats", "list"]])
def test_formats_are_listed_as_a_table(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    columns = "name geometry space order grammar tasks small medium large confidence package"
    assert lines[0].split() == columns.split()
    assert [line.split()[0] for line in lines[1:-1]] == format_names()
    molmo = next(line for line in lines if line.startswith("molmo "))
    assert re.split(r"\s{2,}", molmo)[:9] == [
        *("molmo", "point", "percent.1", "xy", "PointTags", "detection, grounding"),
        *("1.000", "1.000", "1.000"),
    ]
    assert lines[-1].startswith("small, medium, large: IoU ")


@pytest.mark.parametrize("arguments", [["formats", "--json"], ["formats", "list", "--json"]])
def test_formats_are_listed_as_json(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["qwen3-vl"]["nothing"] == "None"
    assert rows["qwen3-vl"]["tasks"] == ["detection", "grounding"]
    assert rows["glm-4.5v"]["space"] == "grid1000"
    assert rows["gemini"]["order"] == "yxyx"
    assert rows["paddleocr-vl"]["geometry"] == "quad"
    assert rows["paligemma"]["grammar"] == "TokenRun"
    assert rows["kosmos-2"]["confidence"] == "unverified: the prompt for detection"
    assert rows["qwen3-vl"]["ceiling"].keys() == {"small", "medium", "large"}
    assert 0.93 < rows["qwen3-vl"]["ceiling"]["small"] < 0.95


def test_a_plugin_is_listed_with_what_it_tells(capsys: pytest.CaptureFixture[str]) -> None:
    plugin = str(PLUGIN_EXAMPLE / "groundray_toy.py")
    assert main(["formats", "--plugin", plugin]) == 0
    toy = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("toy "))
    assert re.split(r"\s{2,}", toy)[:5] == ["toy", "box", "-", "-", "-"]
    assert "not stated" in toy


@pytest.mark.parametrize("name", ["ernie-4.5-vl", "glm-4.5v", "qwen3-vl", "qwen3-vl-json"])
def test_show_prints_an_example_and_the_source(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["formats", "show", name]) == 0
    out = capsys.readouterr().out
    assert "source: " in out
    assert "\nconfidence: verified\n" in out or "\nconfidence: unverified: " in out
    assert "961" in out
    assert "nothing there:" in out


def test_check_passes_and_shows_the_ceiling(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["formats", "check", "qwen3-vl"]) == 0
    out = capsys.readouterr().out
    assert "FAIL" not in out
    assert [line.split()[0] for line in out.splitlines()[-3:]] == ["small", "medium", "large"]


def test_check_names_what_a_format_gets_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "broken.py"
    source = (PLUGIN_EXAMPLE / "groundray_toy.py").read_text()
    plugin.write_text(source.replace('"toy"', '"broken"').replace("* 1000", "* 990"))
    assert main(["formats", "check", "broken", "--plugin", str(plugin)]) == 1
    out = capsys.readouterr().out
    assert "FAIL  boxes survive encode and decode: " in out
    assert out.endswith("broken fails 1 checks\n")


@pytest.mark.parametrize("verb", ["show", pytest.param("check", marks=pytest.mark.untraced)])
def test_a_toml_file_is_taken_for_a_name(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "spare.toml"
    path.write_text(
        f'name = "spare-{verb}"\nsource = "a test"\nnothing = "[]"\n[prompts]\ndetection = "?"\n'
        '[codec]\nkind = "grid"\n[grammar]\nkind = "json"\nitem = "{box}"\n'
    )
    assert main(["formats", verb, str(path)]) == 0
    out = capsys.readouterr().out
    assert "FAIL" not in out
    assert verb == "check" or out.startswith(f"spare-show, of {path}\n")


def test_parse_prints_one_line_of_json(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    arguments = ["qwen3-vl-json", "--width", "1000", "--height", "500"]
    assert parse(monkeypatch, ANSWER.encode(), *arguments) == 0
    assert capfdbinary.readouterr().out.decode() == (
        '{"objects": [{"category": "猫", "wire": [12, 34, 560, 780], '
        '"xyxy": [12.0, 17.0, 560.0, 390.0]}], "issues": ["truncated"]}\n'
    )


def test_parse_gives_no_pixels_without_a_size(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert parse(monkeypatch, b"[[1, 2.5, 3, 4]]\n", "glm-4.5v") == 0
    assert json.loads(capfdbinary.readouterr().out) == {
        "objects": [{"category": None, "wire": [1, 2.5, 3, 4], "xyxy": None}],
        "issues": [],
    }


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"[" * 1000, b'[{"bbox_2d": [1, 2, 3, %s]}]' % (b"9" * 300)],
)
def test_parse_reads_any_bytes(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], content: bytes
) -> None:
    size = ["--width", "640", "--height", "480"]
    assert parse(monkeypatch, content, "qwen3-vl-json", *size) == 0
    parsed = json.loads(capfdbinary.readouterr().out, parse_constant=pytest.fail)
    assert set(parsed["issues"]) <= set(ISSUES)


@pytest.mark.parametrize(
    "arguments",
    [
        ["formats", "parse", "qwen3-vl", "--width", "640"],
        ["formats", "parse", "qwen3-vl", "--width", "0", "--height", "1"],
        ["formats", "parse"],
        ["formats", "nonsense"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    assert main(arguments) == 2


@pytest.mark.parametrize("verb", ["show", "check", "parse"])
def test_an_unknown_format_is_one_line(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["formats", verb, "qwen3vl"]) == 1
    assert capsys.readouterr().err.startswith(
        "error: unknown format 'qwen3vl'; did you mean 'qwen3-vl'? (known: "
    )


def test_listing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from groundray.engine.cli import main; main(['formats']); "
        "sys.exit(bool({'ray', 'pyarrow', 'PIL', 'pandas', 'paddle'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
