import re
import subprocess
import sys
from pathlib import Path

import pytest

import groundray.formats
from groundray.formats import FORMATS, BoxFormat, FormatError, Registry, get_format
from groundray.formats.families.qwen3_vl import QWEN3_VL
from tests.formats.formats_docs import built_in_modules
from tests.plugins import PLUGIN_EXAMPLE

BUILTINS = list(built_in_modules())
TOY = PLUGIN_EXAMPLE / "groundray_toy.py"


@pytest.fixture
def registry() -> Registry:
    return Registry(
        "groundray.formats.of_this_test",
        {"qwen3-vl": "groundray.formats.families.qwen3_vl:QWEN3_VL"},
        noun="format",
        accepts=lambda value: isinstance(value, BoxFormat),
        error=FormatError,
    )


def test_what_is_exported_is_listed() -> None:
    modules = {path.stem for path in Path(groundray.formats.__file__).parent.iterdir()}
    own = {name for name in vars(groundray.formats) if not name.startswith("_")}
    exported = own - modules - {"TYPE_CHECKING"} | set(groundray.formats._OF_BASE)
    assert sorted(exported) == sorted(groundray.formats.__all__)
    assert all(hasattr(groundray.formats, name) for name in groundray.formats.__all__)


def test_the_command_line_starts_without_numpy() -> None:
    code = "import sys, groundray.engine.cli; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_builtin_names_are_alphabetical_where_they_are_declared() -> None:
    source = Path(groundray.formats.__file__).read_text(encoding="utf-8")
    assert (
        re.findall(r'^ {8}"(.+)": "groundray\.formats\.families', source, re.MULTILINE) == BUILTINS
    )


@pytest.mark.parametrize("name", BUILTINS)
def test_every_builtin_format_loads_and_knows_its_name(name: str) -> None:
    assert get_format(name).name == name
    assert FORMATS.origin(name).startswith("groundray 0.")


@pytest.mark.parametrize(
    ("typed", "meant"), [("qwen3vl", "qwen3-vl"), ("glm4.5v", "glm-4.5v"), ("ernie", None)]
)
def test_an_unknown_name_suggests_the_nearest(typed: str, meant: str | None) -> None:
    with pytest.raises(FormatError) as caught:
        get_format(typed)
    hint = f"; did you mean {meant!r}?" if meant else ""
    assert str(caught.value).startswith(f"unknown format {typed!r}{hint} (known: ")


def test_a_file_adds_its_formats(registry: Registry) -> None:
    assert registry.add_file(TOY) == ["toy"]
    assert registry.names() == ["qwen3-vl", "toy"]
    assert registry.origin("toy") == str(TOY)


def test_a_file_can_be_added_again_and_from_a_copy(registry: Registry, tmp_path: Path) -> None:
    copy = tmp_path / "copy.py"
    copy.write_bytes(TOY.read_bytes())
    registry.add_file(TOY)
    first = registry.load("toy")
    assert registry.add_file(TOY) == registry.add_file(copy) == ["toy"]
    assert registry.load("toy") is first


def test_an_edited_file_takes_its_own_place(registry: Registry, tmp_path: Path) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_bytes(TOY.read_bytes())
    registry.add_file(plugin)
    plugin.write_text(TOY.read_text().replace('name = "toy"', 'name = "toy2"'))
    assert registry.add_file(plugin) == ["toy2"]
    assert registry.names() == ["qwen3-vl", "toy2"]


def test_a_file_may_define_an_instance_and_import_a_builtin(
    registry: Registry, tmp_path: Path
) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "from dataclasses import replace\n"
        "from groundray.formats.families.qwen3_vl import QWEN3_VL\n"
        "MINE = replace(QWEN3_VL, name='mine')\n"
    )
    assert registry.add_file(plugin) == ["mine"]
    assert registry.load("qwen3-vl") is QWEN3_VL


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("1 / 0", "fails when it is loaded: ZeroDivisionError: division by zero"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def (", "SyntaxError"),
        ("x = 1", "defines no format"),
    ],
)
def test_a_file_that_is_no_plugin_is_named_with_its_error(
    registry: Registry, tmp_path: Path, source: str, message: str
) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text(source)
    with pytest.raises(FormatError) as caught:
        registry.add_file(plugin)
    assert repr(str(plugin)) in str(caught.value)
    assert message in str(caught.value)
    assert registry.names() == ["qwen3-vl"]


def test_a_file_that_is_missing_is_named(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"nowhere\.py' cannot be read: No such file"):
        registry.add_file(tmp_path / "nowhere.py")


def test_a_file_may_not_take_a_name(registry: Registry, tmp_path: Path) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text(TOY.read_text().replace('name = "toy"', 'name = "qwen3-vl"'))
    with pytest.raises(FormatError) as caught:
        registry.add_file(plugin)
    assert "format 'qwen3-vl' is defined twice" in str(caught.value)
    assert "from groundray 0." in str(caught.value)
    assert str(plugin) in str(caught.value)


def test_what_a_format_lacks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry("none", {"half": "groundray.formats.errors:FormatError"}, noun="format")
    monkeypatch.setattr(groundray.formats, "FORMATS", registry)
    with pytest.raises(FormatError, match=r"format 'half' of groundray .* lacks: name, system"):
        get_format("half")
