"""Formats of plugin files, on any runner, well and badly behaved."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from groundray.engine.plugins import read_formats
from groundray.formats import FORMATS
from groundray.formats.errors import FormatError
from tests.engine.coco import rows, tree, write
from tests.engine.conversion.test_convert import examples, rejects, run
from tests.engine.on_workers import on_workers
from tests.plugins import PLUGIN_EXAMPLE, pip_install, sibling_environment

PLUGIN = '''
import numpy as np

from groundray.formats import ParsedAnswer, Rendered


class Corner:
    """Box by box, in plain Python: `cat@10,20,30,40`."""

    name = "NAME"
    system = None
    prompts = {"detection": "Find everything."}
    source = "made up for a test"

    def encode(self, xyxy, image_sizes):
        return np.array([[round(v) for v in box] for box in xyxy.tolist()]).reshape(-1, 4)

    def decode(self, wire, image_size):
        return np.asarray(wire, dtype=np.float64)

    def render(self, task, *, expression, categories, wire):
        RENDER
        pairs = zip(categories, wire)
        return Rendered("; ".join(f"{c}@{','.join(map(str, w))}" for c, w in pairs))

    def parse(self, text):
        return ParsedAnswer()
'''


def plugin(folder: Path, name: str, render: str = "pass") -> str:
    """A plugin file; every test takes a name of its own, since files stay loaded."""
    path = folder / f"{name}.py"
    path.write_text(PLUGIN.replace("NAME", name).replace("RENDER", render))
    return str(path)


def test_a_plugin_file_writes_examples(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"train": rows(2)})
    run(source, tmp_path / "out", formats=["corner"], plugins=[plugin(tmp_path, "corner")])
    (first, _) = examples(tmp_path / "out", "corner")
    assert first["messages"][0] == {"role": "user", "content": "<image>Find everything."}
    x1, y1, x2, y2 = rows(1)[0]["objects"]["bbox"][0]
    box = f"@{round(x1)},{round(y1)},{round(x2)},{round(y2)}"
    assert box in first["messages"][1]["content"]
    assert "objects" not in first


TOML = """
name = "NAME"
source = "made up for a test"
nothing = "None"

[prompts]
detection = "Find everything."

[codec]
kind = "grid"
steps = 100

[grammar]
kind = "json"
item = '{"name": {label}, "box": {box}}'
"""


def declared(folder: Path, name: str, steps: int = 100) -> str:
    """A TOML file; every test takes a name of its own, since formats stay loaded."""
    path = folder / "declared.toml"
    path.write_text(TOML.replace("NAME", name).replace("100", str(steps)))
    return str(path)


def test_a_declared_format_goes_by_the_name_in_it(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"train": rows(2)})
    path = declared(tmp_path, "in-toml")
    manifest = run(source, tmp_path / "out", formats=["qwen3-vl", path])
    assert list(manifest.formats) == ["qwen3-vl", "in-toml"]
    (first, _) = examples(tmp_path / "out", "in-toml")
    assert first["messages"][0] == {"role": "user", "content": "<image>Find everything."}
    assert first["messages"][1]["content"].startswith('[{"name": "')
    with pytest.raises(FormatError, match="'in-toml' is asked for twice"):
        run(source, tmp_path / "twice", formats=[path, "in-toml"])


def test_an_edited_declaration_is_another_configuration(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"train": rows(2)})
    run(source, tmp_path / "out", formats=[declared(tmp_path, "edited-toml")])
    with pytest.raises(Exception, match="plugins"):
        run(source, tmp_path / "out", formats=[declared(tmp_path, "edited-toml", steps=200)])


def test_a_declaration_reaches_a_machine_that_has_no_such_file(tmp_path: Path) -> None:
    path = declared(tmp_path, "far-away")
    names, plugins = read_formats([path], [])
    assert names == ("far-away",)
    code = (
        "import pickle, sys; from groundray.engine.plugins import load_plugins; "
        "from groundray.formats import get_format; "
        "load_plugins(pickle.loads(sys.stdin.buffer.read())); print(get_format('far-away').space)"
    )
    Path(path).unlink()
    done = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(plugins), capture_output=True, check=True
    )
    assert done.stdout == b"grid100\n"


def test_a_plugin_that_raises_costs_one_record_and_is_named(tmp_path: Path) -> None:
    path = plugin(tmp_path, "moody", 'if "donut" in categories: raise KeyError("no donuts")')
    made = rows(5)
    for row in made:
        row["objects"]["category"] = [0] * len(row["objects"]["category"])
    made[3]["objects"]["category"][0] = 54  # donut
    source = write(tmp_path / "in", {"train": made})
    manifest = run(source, tmp_path / "out", formats=["moody", "qwen3-vl"], plugins=[path])
    assert manifest.formats["moody"].examples == 4
    assert manifest.formats["qwen3-vl"].examples == 5
    (reject,) = rejects(tmp_path / "out")
    assert (reject["id"], reject["format"], reject["reason"]) == ("1003", "moody", "format_error")
    assert reject["detail"] == f"moody ({FORMATS.origin('moody')}): KeyError: 'no donuts'"
    with pytest.raises(Exception, match=r"id '1003': format_error for moody: moody .*no donuts"):
        run(source, tmp_path / "b", formats=["moody"], plugins=[path], on_error="raise")


def test_an_edited_plugin_is_another_configuration(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"train": rows(2)})
    path = plugin(tmp_path, "edited")
    run(source, tmp_path / "out", formats=["edited"], plugins=[path])
    plugin(tmp_path, "edited", 'categories = ["x"] * len(wire)')
    with pytest.raises(Exception, match="plugins"):
        run(source, tmp_path / "out", formats=["edited"], plugins=[path])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("1 / 0", "ZeroDivisionError"),
        ("x = 1", "defines no format"),
    ],
)
def test_a_bad_plugin_file_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "bad.py"
    if content is not None:
        path.write_text(content)
    source = write(tmp_path / "in", {"train": rows(1)})
    with pytest.raises(FormatError, match=message):
        run(source, tmp_path / "out", plugins=[str(path)])
    assert not (tmp_path / "out").exists()


@pytest.mark.ray
@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", ["wheel", "editable"])
def test_ray_workers_find_an_installed_plugin(tmp_path: Path, toy_plugin: Path, how: str) -> None:
    source = write(tmp_path / "in", {"train": rows(12)}, row_group_rows=4)
    python, environment = sys.executable, {**os.environ, "PYTHONPATH": str(toy_plugin)}
    if how == "editable":
        python, environment = str(sibling_environment(tmp_path / "environment")), {**os.environ}
        pip_install("--editable", PLUGIN_EXAMPLE, python=python)
    local = [python, "-m", "groundray.engine", "convert", source, tmp_path / "local"]
    for command in (local, on_workers("convert", source, tmp_path / "ray", python=python)):
        options = ["--format", "toy,qwen3-vl", "--rows-per-shard", "4"]
        subprocess.run([*command, *options], env=environment, check=True)
    assert len(examples(tmp_path / "ray", "toy")) == 12
    assert tree(tmp_path / "ray") == tree(tmp_path / "local")
