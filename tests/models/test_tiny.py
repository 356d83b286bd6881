import subprocess
import sys
from pathlib import Path

import pytest

from groundray.engine.cli import main
from groundray.formats.errors import ModelError, OutputError
from groundray.models.tiny import build_tiny, tiny_families
from tests.models.asking import Paddle

pytestmark = pytest.mark.timeout(300)

WITHOUT_PADDLE = """
import sys
sys.modules["paddle"] = None
from groundray.engine.cli import main
sys.exit(main(sys.argv[1:]))
"""


def tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("family", tiny_families())
def test_the_same_call_writes_the_same_bytes(family: str, paddle: Paddle, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert paddle(build_tiny, tmp_path / name, family=family) > 100_000
    first = tree(tmp_path / "a")
    assert first == tree(tmp_path / "b")
    assert {"config.json", "generation_config.json", "chat_template.jinja"} < set(first)


def test_a_folder_that_is_not_empty_is_kept(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(OutputError, match="is not empty; --overwrite empties it first"):
        build_tiny(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_it_is_emptied_where_that_is_asked_for(paddle: Paddle, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    paddle(build_tiny, tmp_path, overwrite=True)
    assert not (tmp_path / "mine").exists()
    assert (tmp_path / "config.json").exists()


def test_an_unknown_family_is_refused(tmp_path: Path) -> None:
    known = r"known: ernie-4\.5-vl, glm-4\.5v, qwen3-vl"
    with pytest.raises(ModelError, match=rf"no tiny checkpoint of family 'llama' \({known}\)"):
        build_tiny(tmp_path, family="llama")


def test_a_file_in_the_way_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["models", "tiny", str(tmp_path / "file")]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_a_missing_paddle_says_what_to_install(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_PADDLE, "models", "tiny", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'groundray[cpu]'" in done.stderr
    assert "Traceback" not in done.stderr
