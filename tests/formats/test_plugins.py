"""Formats of other packages, really installed, and of plugin files."""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.plugins import PLUGIN_EXAMPLE, pip_install, sibling_environment

DOCS = Path(__file__).parents[2] / "docs" / "plugins.md"


def groundray(
    *arguments: str, python: str | Path = sys.executable, path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    environment = os.environ if path is None else {**os.environ, "PYTHONPATH": str(path)}
    return subprocess.run(
        [python, "-m", "groundray.engine", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_docs_show_the_very_files_of_the_example() -> None:
    blocks = re.findall(
        r"`(\S+)`:\n\n```\w+\n(.*?)```\n", DOCS.read_text(encoding="utf-8"), re.DOTALL
    )
    shown = dict(blocks)
    for name in ("groundray_toy.py", "pyproject.toml"):
        assert shown[name] == (PLUGIN_EXAMPLE / name).read_text(encoding="utf-8")


def test_the_example_is_under_forty_lines() -> None:
    assert len((PLUGIN_EXAMPLE / "groundray_toy.py").read_text().splitlines()) < 40


def test_a_wheel_passes_the_checks(toy_plugin: Path) -> None:
    done = groundray("formats", "check", "toy", path=toy_plugin)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_installed_format_is_listed_with_its_package(toy_plugin: Path) -> None:
    done = groundray("formats", "list", "--json", path=toy_plugin)
    packages = {row["name"]: row["package"] for row in json.loads(done.stdout)}
    assert packages["toy"] == "groundray-toy 0.1.0"
    assert packages["qwen3-vl"].startswith("groundray ")


def test_an_editable_install_passes_the_checks(tmp_path: Path) -> None:
    python = sibling_environment(tmp_path / "environment")
    pip_install("--editable", PLUGIN_EXAMPLE, python=python)
    done = groundray("formats", "check", "toy", python=python)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_package_that_takes_a_name_is_refused_with_both_origins(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "groundray_toy.py").write_text((PLUGIN_EXAMPLE / "groundray_toy.py").read_text())
    project = (PLUGIN_EXAMPLE / "pyproject.toml").read_text()
    (source / "pyproject.toml").write_text(project.replace("toy = ", "qwen3-vl = "))
    pip_install("--target", tmp_path / "installed", source)

    done = groundray("formats", path=tmp_path / "installed")

    assert done.returncode == 1
    assert done.stderr.startswith("error: format 'qwen3-vl' is defined twice: ")
    assert "groundray_toy:Toy from groundray-toy 0.1.0" in done.stderr
    assert "QWEN3_VL from groundray 0." in done.stderr


def test_a_package_that_cannot_be_imported_is_named(toy_plugin: Path, tmp_path: Path) -> None:
    (tmp_path / "groundray_toy.py").write_text("import no_such_module\n")
    path = Path(f"{tmp_path}{os.pathsep}{toy_plugin}")
    done = groundray("formats", "show", "toy", path=path)
    assert done.returncode == 1
    assert "groundray-toy 0.1.0" in done.stderr
    assert "No module named 'no_such_module'" in done.stderr


def test_a_plugin_file_serves_without_an_install() -> None:
    plugin = str(PLUGIN_EXAMPLE / "groundray_toy.py")
    done = groundray("formats", "show", "toy", "--plugin", plugin)
    assert done.returncode == 0, done.stderr
    assert "bowl@228,320,961,970; orange@55,143,317,500;" in done.stdout


def test_a_plugin_may_loop_over_boxes(tmp_path: Path) -> None:
    encode = re.search(r"```python\n(def encode(?s:.*?))```\n", DOCS.read_text(encoding="utf-8"))
    assert encode is not None
    head, _, rest = (PLUGIN_EXAMPLE / "groundray_toy.py").read_text().partition("    def encode")
    looping = textwrap.indent(encode.group(1), "    ")
    (tmp_path / "looping.py").write_text(
        f"{head}{looping}\n    def decode" + rest.split("def decode")[1]
    )
    done = groundray("formats", "check", "toy", "--plugin", str(tmp_path / "looping.py"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_plugin_may_be_declared_without_code(tmp_path: Path) -> None:
    declared = re.search(
        r"```python\n(from groundray(?s:.*?MINE.*?))```\n", DOCS.read_text("utf-8")
    )
    assert declared is not None
    (tmp_path / "mine.py").write_text(declared.group(1))
    done = groundray("formats", "check", "mine", "--plugin", str(tmp_path / "mine.py"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_plugin_file_of_an_installed_plugin_is_refused(toy_plugin: Path) -> None:
    plugin = PLUGIN_EXAMPLE / "groundray_toy.py"
    done = groundray("formats", "--plugin", str(plugin), path=toy_plugin)
    assert done.returncode == 1
    assert str(plugin) in done.stderr
    assert "groundray-toy 0.1.0" in done.stderr


@pytest.mark.parametrize("module", ["ray", "torch", "paddle", "transformers", "pyarrow", "PIL"])
def test_formats_import_no_framework(module: str) -> None:
    code = f"import sys, groundray.formats.conformance; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
