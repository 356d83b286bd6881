"""The plugin that docs/plugins.md shows, installed in places that are thrown away."""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

PLUGIN_EXAMPLE = Path(__file__).parent / "plugin_example"


def pip_install(*arguments: str | Path, python: str | Path = sys.executable) -> None:
    """Installs without an index: what a build needs is in this environment."""
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([*command, *offline, *map(str, arguments)], check=True)


@pytest.fixture(scope="session")
def toy_plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that holds the plugin `toy`, installed as a wheel: put it on PYTHONPATH."""
    folder = tmp_path_factory.mktemp("toy_plugin")
    pip_install("--target", folder, PLUGIN_EXAMPLE)
    return folder


def sibling_environment(folder: Path) -> Path:
    """Makes an environment that also sees this one's packages; returns its interpreter."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    target = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    ours = sysconfig.get_path("purelib")
    Path(target, "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    return python
