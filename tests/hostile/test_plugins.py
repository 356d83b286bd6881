"""Plugins that raise, leave, recurse, or are none: each costs what it must, and is named."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from groundray.engine import Runner
from groundray.engine import convert as groundray_convert
from groundray.engine.conversion.convert import Progress
from groundray.engine.conversion.converter import MAX_DEATHS
from groundray.engine.shards import UnitWriter
from groundray.engine.storage import open_store
from tests.hostile.made import convert, manifest, row, run, write

pytestmark = pytest.mark.untraced

FORMAT = """
import os, signal, sys, time
from pathlib import Path
from groundray.formats.families.qwen3_vl_json import QWEN3_VL_JSON as base

def stop_once():
    mark = Path(__file__).with_suffix(".stopped")
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGTERM)

class Stops:
    def __del__(self):
        stop_once()

class Bad:
    name = "NAME"
    system = None
    prompts = dict(base.prompts)
    source = "made up"
    def encode(self, xyxy, image_sizes):
        return base.encode(xyxy, image_sizes)
    def decode(self, wire, image_size):
        return base.decode(wire, image_size)
    def render(self, task, *, expression, categories, wire):
        return base.render(task, expression=expression, categories=categories, wire=wire)
    def parse(self, text):
        return base.parse(text)
"""
HARM = {
    "raises": "raise ZeroDivisionError('no')",
    "exits": "sys.exit(0)",
    "recurses": "return self.parse(text) if 'text' in dir() else self.encode(xyxy, image_sizes)",
    "gives-nothing": "return None",
    "gives-text": "return 'cat'",
}
STOPS = {"is-stopped": "stop_once()", "is-stopped-in-a-finalizer": "Stops(); time.sleep(1)"}


def harmed(folder: Path, where: str, how: str) -> Path:
    """A plugin file one of whose methods does harm: to a record with the class `bad`, or any."""
    name = f"{where}-{how}"
    lines = FORMAT.replace("NAME", name).splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(f"    def {where}("))
    harm = {**HARM, **STOPS}[how]
    if where == "render" and how == "recurses":
        harm = "return self.render(task, expression=expression, categories=categories, wire=wire)"
    when = {"render": "'bad' in categories", "parse": "'bad' in text"}.get(where, "len(xyxy) != 2")
    lines.insert(at + 1, f"        if {when}:\n            {harm}")
    path = folder / f"{name}.py"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("how", HARM)
def test_a_format_that_does_harm_costs_one_record(tmp_path: Path, how: str) -> None:
    two = [(1.0, 2.0, 30.0, 40.0)] * 2
    rows = [row("1", bbox=two), row("2", category="bad"), row("3", bbox=two)]
    write(rows, tmp_path / "data" / "val.parquet")
    for where in ("encode", "render"):
        file = harmed(tmp_path, where, how)
        out = tmp_path / where
        assert convert(tmp_path / "data", out, "--plugin", file, formats=file.stem) == 0
        assert manifest(out)["formats"][file.stem] == {
            "examples": 2,
            "rejected": {"format_error": 1},
        }
        (reject,) = map(json.loads, next((out / "rejects").glob("*")).read_text().splitlines())
        assert reject["id"] == "2"
        assert str(file) in reject["detail"]


@pytest.mark.parametrize("how", HARM)
def test_a_parser_that_does_harm_costs_one_answer(tmp_path: Path, how: str) -> None:
    write([row("1"), row("2"), row("3")], tmp_path / "data" / "val.parquet")
    answers = "".join(
        f'{{"id": "{i}", "text": "{"bad" if i == 2 else "[]"}"}}\n' for i in (1, 2, 3)
    )
    (tmp_path / "said.jsonl").write_text(answers)
    file = harmed(tmp_path, "parse", how)
    status = run(
        *("predict", tmp_path / "data", tmp_path / "out", "--checkpoint", tmp_path / "said.jsonl"),
        *("--format", file.stem, "--plugin", file, "--runner", "local", "--layout", "voc"),
    )
    assert status == 0
    (lines,) = [file.read_text().splitlines() for file in (tmp_path / "out").rglob("val-*.jsonl")]
    errors = {line["id"]: line["error"] for line in map(json.loads, lines)}
    assert errors["1"] is errors["3"] is None
    assert str(file) in errors["2"]


@pytest.mark.parametrize("how", STOPS)
@pytest.mark.parametrize("where", ["encode", "render", "parse"])
def test_a_command_that_is_stopped_within_a_format_rejects_nothing(
    tmp_path: Path, where: str, how: str
) -> None:
    rows = [row("1"), row("2", category="bad"), row("3")]
    write(rows, tmp_path / "data" / "val.parquet")
    file = harmed(tmp_path, where, how)
    plugin = ("--format", file.stem, "--plugin", file, "--runner", "local", "--layout", "voc")
    command = ["convert", tmp_path / "data", tmp_path / "out", *plugin]
    if where == "parse":
        answers = "".join(f'{{"id": "{i}", "text": "bad"}}\n' for i in (1, 2, 3))
        (tmp_path / "said.jsonl").write_text(answers)
        command = ["predict", *command[1:], "--checkpoint", tmp_path / "said.jsonl"]
    typed = [sys.executable, "-m", "groundray.engine", *map(str, command)]
    assert subprocess.run(typed, check=False).returncode == 128 + signal.SIGTERM
    assert subprocess.run(typed, check=False).returncode == 0
    assert not list((tmp_path / "out").glob("rejects/*"))
    (lines,) = [file.read_text().splitlines() for file in (tmp_path / "out").rglob("val-*.jsonl")]
    assert len(lines) == len(rows)
    assert [line for line in map(json.loads, lines) if line.get("error")] == []


@pytest.mark.parametrize(
    ("deaths", "reasons"),
    [(MAX_DEATHS - 1, {}), (MAX_DEATHS, {"1": "killed_process", "2": "killed_process"})],
)
@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_a_unit_that_kills_its_processes_is_rejected(
    tmp_path: Path, bucket: str, place: str, deaths: int, reasons: dict[str, str]
) -> None:
    write([row("1"), row("2")], tmp_path / "data" / "train-0.parquet")
    write([row("3")], tmp_path / "data" / "val-0.parquet")
    output = str(tmp_path / "out") if place == "folder" else f"{bucket}/out"
    store = open_store(output)

    def leave(progress: Progress) -> None:
        """What processes leave behind that end while they convert the first unit."""
        if progress.units_done == 0:
            for _ in range(deaths):
                UnitWriter(store, 0, "killed").write_image("images/a", "1.jpg", b"")

    done = groundray_convert(
        str(tmp_path / "data"),
        output,
        formats=["molmo"],
        layout="voc",
        runner=Runner("local"),
        max_reject_ratio=1.0,
        on_progress=leave,
    )
    lines = (store.read("rejects/train-00000.jsonl") or b"").splitlines()
    assert {line["id"]: line["reason"] for line in map(json.loads, lines)} == reasons
    assert done.records.written == 3 - len(reasons)
    assert store.names(".groundray/staging") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("raise RuntimeError('no')", "RuntimeError: no"),
        ("def f(): f()\nf()", "RecursionError: maximum recursion depth"),
        ("\x00", "null bytes"),
        ("print 1", "SyntaxError"),
        ("x" * 10, "NameError"),
        ("'" + "(" * 10_000, "SyntaxError"),
        ("", "defines no format and no backend"),
    ],
    ids=lambda text: text[:20],
)
def test_files_that_are_no_plugins_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    write([row("1")], tmp_path / "data" / "train.parquet")
    plugin = tmp_path / "plugin.py"
    plugin.write_text(content)
    assert convert(tmp_path / "data", tmp_path / "out", "--plugin", plugin) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert "plugin.py" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "module",
    [
        "raise OSError('no')",
        "import sys; sys.exit()",
        "FORMAT = 3",
        "FORMAT = object()",
        "",
        "\x00",
    ],
    ids=lambda text: text[:20],
)
def test_an_installed_format_that_does_harm_leaves_the_others_usable(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    module: str,
) -> None:
    (tmp_path / "harmful.py").write_text(module)
    info = tmp_path / "harmful-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: harmful\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[groundray.formats]\nharmful = harmful:FORMAT\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "harmful", raising=False)
    assert run("formats") == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines()[1].startswith("cogvlm")
    assert len(printed.out.splitlines()) == 23
    assert printed.err.startswith("error: 1 formats cannot be used: 'harmful' of harmful 1.0")
    assert printed.err.count("\n") == 1
    write([row("1")], tmp_path / "data" / "train.parquet")
    assert convert(tmp_path / "data", tmp_path / "out") == 0
