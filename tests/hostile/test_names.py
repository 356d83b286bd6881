"""Ids, class names, paths of images, and names of files, formats and checkpoints that mean harm."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from groundray.engine.cli.terminal import harmless
from groundray.formats import get_format
from groundray.formats.errors import LabelError, ModelError
from groundray.formats.trainer import trained_text
from groundray.models.checkpoints import CACHE_VARIABLE, local_folder
from tests.engine.report.reports_made import data_of
from tests.hostile.made import (
    NASTY,
    STEERING,
    convert,
    jpeg,
    manifest,
    rejects,
    row,
    run,
    snapshot,
    write,
)

pytestmark = pytest.mark.untraced


def writable() -> list[str]:
    """Nasty names that the format of this test writes as labels."""
    format_ = get_format("qwen3-vl-json")
    names = []
    for name in NASTY:
        try:
            format_.render("detection", expression=None, categories=[name], wire=[[1, 2, 3, 4]])
        except LabelError:
            continue
        names.append(name)
    return names


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set whose ids and classes are all nasty, and answers to it."""
    folder = tmp_path_factory.mktemp("work")
    rows = [row(name, category=name) for name in NASTY]
    write(rows, folder / "data" / "train-00000-of-00001.parquet")
    write([row(f"v{i}") for i in range(2)], folder / "data" / "[red]\x1b[31mvv-00000.parquet")
    answers = []
    for name in NASTY:
        text = "[]"
        if name in writable():
            rendered = get_format("qwen3-vl-json").render(
                "detection", expression=None, categories=[name], wire=[[16, 42, 469, 833]]
            )
            text = trained_text(rendered)
        answers.append({"id": name, "text": f"{text}\x1b]0;owned\x07"})
    lines = "".join(json.dumps(answer) + "\n" for answer in answers)
    (folder / "-said \x1b[31m.jsonl").write_text(lines)
    return folder


def test_every_command_stays_in_its_output_and_is_harmless_to_a_terminal(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(work)
    out = work / "out"
    out.mkdir()
    said = "./-said \x1b[31m.jsonl"
    before = snapshot(work.parent, but=[out])
    commands: list[tuple[Any, ...]] = [
        ("inspect", "data", "--layout", "voc"),
        ("inspect", "data", "--layout", "voc", "--json"),
        (*("convert", "data", out / "c", "--format", "qwen3-vl,qwen3-vl-json,molmo"), "--layout"),
        ("draw", out / "c/qwen3-vl/train", out / "look.png", "--grid", 9),
        ("predict", out / "c", out / "p", "--checkpoint", said, "--format", "qwen3-vl-json"),
        ("evaluate", out / "p/-said%20%1B%5B31m", out / "report"),
        ("evaluate", out / "p/-said%20%1B%5B31m", out / "report2", "--json"),
        ("export", out / "p/-said%20%1B%5B31m", out / "coco.json", "--coco"),
        ("draw", out / "p/-said%20%1B%5B31m", out / "look2.png"),
        ("train", out / "c/qwen3-vl", out / "t", "--model", "a/b", "--dry-run"),
        # GLM refuses some of the labels: more than 1 %, so that the finished run fails
        ("reformat", out / "c", out / "r", "--format", "glm-4.5v", "--runner", "local"),
    ]
    for command in commands:
        options: tuple[Any, ...] = ()
        if command[0] == "convert":
            options = ("voc", "--runner", "local", "--max-reject-ratio", 1)
        if command[0] == "predict":
            options = ("--runner", "local", "--split", "train")
        status = run(*command, *options)
        printed = capsys.readouterr()
        assert status == (command[0] == "reformat"), (command, printed.err[-2000:])
        assert STEERING.search(printed.out + printed.err) is None, command
        if "--json" in command:
            json.loads(printed.out)
    assert snapshot(work.parent, but=[out]) == before


def test_no_two_images_share_a_file_on_any_disk(work: Path) -> None:
    out = work / "images"
    assert convert(work / "data", out) == 0
    names = [str(file.relative_to(out)) for file in (out / "images").rglob("*.jpg")]
    assert len(names) == len(NASTY) + 2
    assert len({name.lower() for name in names}) == len(names)
    assert all(name.isascii() and len(Path(name).name) <= 110 for name in names)


def test_the_page_says_nasty_names_and_does_nothing_else(work: Path) -> None:
    page = work / "out" / "report" / "report.html"
    text = page.read_text(encoding="utf-8")
    assert "<script>window.broken" not in text
    assert "<img src=x" not in text
    assert "\x1b" not in text
    shown = json.dumps(data_of(page), ensure_ascii=False)
    assert "window.broken" in shown


def test_paths_of_images_read_nothing_outside_of_the_data(tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(jpeg())
    data = tmp_path / "data"
    (data / "images" / "deep").mkdir(parents=True)
    (data / "README.md").write_text("---\ndataset_info: {}\n---\n")  # the root of the data set
    (data / "images" / "ok.jpg").write_bytes(jpeg())
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "far.jpg").write_bytes(jpeg())
    (data / "linked").symlink_to(tmp_path / "elsewhere")
    paths = {
        "inside": "images/ok.jpg",
        "back again": "images/deep/../ok.jpg",
        "absolute inside": str(data / "images" / "ok.jpg"),
        "a link of whoever owns the disk": "linked/far.jpg",
        "out": "../secret.jpg",
        "out of a folder": "images/../../secret.jpg",
        "out and in": f"../{data.name}/images/ok.jpg",
        "absolute": str(secret),
        "url": f"file://{secret}",
        "twice": f"file://file://{secret}",
        "other url": "memory://secret.jpg",
        "passwd": "/etc/passwd",
        "many": "../" * 40 + "etc/passwd",
        "folder": "images/",
        "dots": "..",
        "nul": "images/ok.jpg\x00.png",
        "long": "x" * 10_000,
        "device": "/dev/zero",
        "backslashes": "..\\secret.jpg",
        "percent": "%2e%2e/secret.jpg",
        "newline": "images/ok.jpg\n",
    }
    write([row(id_, path=path) for id_, path in paths.items()], data / "train.parquet")
    assert convert(data, tmp_path / "out") == 0
    rejected = rejects(tmp_path / "out")
    written = manifest(tmp_path / "out")["records"]["written"]
    assert {*paths} - {*rejected} == {
        "inside",
        "back again",
        "absolute inside",
        "a link of whoever owns the disk",
        "out and in",
    }
    assert written == 5
    outside = ("out", "out of a folder", "absolute", "url", "passwd", "many", "device")
    assert {rejected[id_] for id_ in outside} == {"image_path_outside"}


def test_files_whose_names_are_no_utf_8_cost_themselves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write([row("1")], tmp_path / "data" / "train-0.parquet")
    odd = os.fsencode(tmp_path / "data") + b"/caf\xe9-1.parquet"
    Path(os.fsdecode(odd)).write_bytes((tmp_path / "data" / "train-0.parquet").read_bytes())
    assert run("inspect", tmp_path / "data", "--layout", "voc", "--json") == 0
    assert "caf\ufffd-1.parquet" in capsys.readouterr().out
    assert convert(tmp_path / "data", tmp_path / "out") == 0
    (unread,) = manifest(tmp_path / "out")["unreadable_files"]
    assert unread["path"] == "caf\ufffd-1.parquet"


@pytest.mark.parametrize(
    "arguments",
    [
        ("inspect", "\udce9"),
        ("convert", "data", "out", "--format", "molmo", "--prompt", "\udcff"),
        ("inspect", "x" * 300),
        ("convert", "x" * 300, "out", "--format", "molmo"),
        ("convert", "data", "x" * 300, "--format", "molmo"),
        ("predict", "x" * 300, "out", "--checkpoint", "x" * 300, "--format", "molmo"),
        ("evaluate", "x" * 300, "out"),
        ("train", "x" * 300, "out", "--model", "x" * 300, "--dry-run"),
        ("inspect", "***"),
        ("evaluate", "***", "out"),
        ("draw", "***", "out.png"),
    ],
    ids=lambda arguments: f"{arguments[0]} {arguments[1][:5]!r}",
)
def test_arguments_that_make_no_sense_are_refused_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    write([row("1")], tmp_path / "data" / "train-0.parquet")
    assert run(*arguments) in {1, 2}
    errors = capsys.readouterr().err.splitlines()
    assert errors[-1].startswith("error: ")
    assert len(errors[-1]) < 600


def test_splits_that_differ_only_in_case_are_one(tmp_path: Path) -> None:
    for number, name in enumerate(("Night", "night", "NIGHT")):
        write([row(f"i{number}")], tmp_path / "data" / name / "0.parquet")
    assert convert(tmp_path / "data", tmp_path / "out") == 0
    assert len(manifest(tmp_path / "out")["splits"]) == 1
    assert manifest(tmp_path / "out")["records"]["written"] == 3


@pytest.mark.parametrize(
    "name", ["../../escape", "a/b", "..", ".groundray", "new\nline", "x" * 500]
)
def test_formats_whose_names_lead_elsewhere_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "from dataclasses import replace\n"
        "from groundray.formats.families.qwen3_vl_json import QWEN3_VL_JSON\n"
        f"EVIL = replace(QWEN3_VL_JSON, name={name!r})\n"
    )
    write([row("1")], tmp_path / "data" / "train.parquet")
    before = snapshot(tmp_path)
    assert convert(tmp_path / "data", tmp_path / "out", "--plugin", plugin, formats=name) == 1
    assert capsys.readouterr().err.startswith("error: ")
    assert {path for path in snapshot(tmp_path) if "pycache" not in path} == {*before}


def test_checkpoints_whose_paths_differ_only_in_case_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write([row("1")], tmp_path / "data" / "val.parquet")
    for name in ("said", "Said"):
        (tmp_path / f"{name}.jsonl").write_text('{"id": "1", "text": "[]"}\n')
    status = run(
        *(
            "predict",
            tmp_path / "data",
            tmp_path / "out",
            "--format",
            "qwen3-vl",
            "--layout",
            "voc",
        ),
        *("--checkpoint", tmp_path / "said.jsonl", "--checkpoint", tmp_path / "Said.jsonl"),
        *("--runner", "local"),
    )
    assert status == 1
    assert "differ only in case" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["../../escape.txt", "a/../../../escape.txt"])
def test_a_bucket_cannot_write_outside_of_the_copy_of_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    listing = {"/evil/config.json": {"size": 2}, f"/evil/{key}": {"size": 2}}
    monkeypatch.setattr(MemoryFileSystem, "find", lambda *_, **__: listing)
    with pytest.raises(ModelError, match="leads out of it"):
        local_folder("memory://evil")
    assert not (tmp_path / "cache").exists()


def test_what_steers_a_terminal_is_written_as_json_writes_it() -> None:
    for name in (*NASTY, "\ud800", "\U000e0041"):
        shown = harmless(json.dumps(name, ensure_ascii=False))
        assert STEERING.search(shown) is None
        assert json.loads(shown) == name
    assert harmless("émigré 👩\u200d🚀 羊\n\t") == "émigré 👩\u200d🚀 羊\n\t"


def test_names_that_a_terminal_cannot_write_are_escaped(tmp_path: Path) -> None:
    write([row("1", category="羊")], tmp_path / "data" / "train.parquet")
    command = [sys.executable, "-m", "groundray.engine", "inspect", "data", "--layout", "voc"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert b"\\u7f8a" in done.stdout
