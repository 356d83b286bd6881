import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from groundray.formats.errors import ModelError
from groundray.models import Settings, get_backend
from groundray.models.checkpoints import (
    CACHE_VARIABLE,
    is_model_name,
    local_folder,
    read_config,
    view,
)
from groundray.models.loading import check_checkpoint

FILES = {
    "config.json": b'{"model_type": "qwen3_vl"}',
    "model.safetensors": bytes(range(256)) * 100,
    "more/notes.txt": b"deeper",
}

COPY = """
import sys
from groundray.models.checkpoints import local_folder
print(local_folder(sys.argv[1]))
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    return folder


@pytest.fixture
def remote() -> Iterator[str]:
    """A checkpoint in memory."""
    filesystem = fsspec.filesystem("memory")
    for name, content in FILES.items():
        filesystem.pipe_file(f"/models/remote/{name}", content)
    yield "memory://models/remote"
    filesystem.rm("/models", recursive=True)


def put_on_s3(url: str) -> None:
    for name, content in FILES.items():
        with fsspec.open(f"{url}/{name}", "wb") as file:
            file.write(content)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def copies(cache: Path) -> list[str]:
    return [path.name for path in (cache / "checkpoints").iterdir() if path.is_dir()]


def check(checkpoint: str | Path) -> None:
    get_backend("paddleformers").check(Settings(checkpoint=str(checkpoint)))


def test_a_local_folder_is_itself(tmp_path: Path, cache: Path) -> None:
    assert local_folder(str(tmp_path)) == tmp_path
    assert not cache.exists()


def test_a_folder_below_the_home_folder_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "config.json").write_bytes(FILES["config.json"])
    assert read_config("~/.") == {"model_type": "qwen3_vl"}
    assert local_folder("~/.") == tmp_path


def test_an_adapter_over_an_adapter_is_refused(tmp_path: Path) -> None:
    content = json.dumps({"base_model_name_or_path": str(tmp_path)})
    (tmp_path / "lora_config.json").write_text(content)
    with pytest.raises(ModelError, match="an adapter too: merge that into its own base first"):
        check_checkpoint(str(tmp_path))


def test_a_remote_checkpoint_is_copied_once(remote: str, cache: Path) -> None:
    folder = local_folder(remote)
    assert tree(folder) == FILES
    marker = folder / "marker"
    marker.touch()
    assert local_folder(remote + "/") == folder
    assert marker.exists()
    assert len(copies(cache)) == 1


def test_a_checkpoint_that_has_changed_is_another(remote: str, cache: Path) -> None:
    first = local_folder(remote)
    fsspec.filesystem("memory").pipe_file("/models/remote/config.json", b"{}")
    second = local_folder(remote)
    assert (second / "config.json").read_bytes() == b"{}"
    assert (first / "config.json").read_bytes() == FILES["config.json"]
    assert len(copies(cache)) == 2


def test_what_a_killed_process_began_is_no_copy(remote: str, cache: Path) -> None:
    folder = local_folder(remote)
    begun = folder.with_name(f"{folder.name}.part")
    folder.rename(begun)
    (begun / "model.safetensors").unlink()
    assert tree(local_folder(remote)) == FILES
    assert copies(cache) == [folder.name]


def test_processes_of_a_node_make_one_copy_of_what_lies_on_s3(bucket: str, cache: Path) -> None:
    url = f"{bucket}/runs/checkpoint"
    put_on_s3(url)
    command = [sys.executable, "-c", COPY, url]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    results = [process.communicate(timeout=100) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], results
    folders = {out.strip() for out, _ in results}
    assert len(folders) == 1
    assert tree(Path(folders.pop())) == FILES
    assert len(copies(cache)) == 1


def test_a_configuration_is_read_where_it_lies(remote: str, cache: Path) -> None:
    assert read_config(remote) == {"model_type": "qwen3_vl"}
    assert read_config(remote, "lora_config.json") is None
    assert not cache.exists()


@pytest.mark.parametrize(
    ("checkpoint", "expected"),
    [
        ("Qwen/Qwen3-VL-8B-Instruct", True),
        ("zai-org/GLM-4.5V", True),
        ("checkpoints", False),
        ("./Qwen/Qwen3-VL-8B-Instruct", False),
        ("a/b/c", False),
        ("/models/qwen", False),
        ("s3://bucket/model", False),
    ],
)
def test_names_of_models_are_told_from_places(checkpoint: str, expected: bool) -> None:
    assert is_model_name(checkpoint) is expected


def test_a_folder_of_a_models_name_is_that_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Qwen/Qwen3-VL-8B-Instruct").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert not is_model_name("Qwen/Qwen3-VL-8B-Instruct")


def test_a_view_leaves_out_what_loaders_write_and_keeps_what_they_read(tmp_path: Path) -> None:
    for name in ("config.json", "flex-ckpt.auto_generated.metadata"):
        (tmp_path / name).write_text(name)
    with view(tmp_path) as place:
        assert tree(place) == {"config.json": b"config.json"}
        (place / "flex-ckpt.auto_generated.metadata").write_text("new")
    assert (tmp_path / "flex-ckpt.auto_generated.metadata").read_text() != "new"
    assert not place.exists()


def test_a_remote_checkpoint_is_checked_without_a_copy(remote: str, cache: Path) -> None:
    check(remote)
    assert not cache.exists()


@pytest.mark.parametrize("name", ["checkpoint-250", "runs/out/checkpoint-3"])
def test_the_state_of_a_trainer_is_explained(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    (folder / "model_state").mkdir(parents=True)
    number = name.rpartition("-")[2]
    with pytest.raises(ModelError, match=rf"save_hf_steps: N.*'hf_checkpoint-{number}'"):
        check(folder)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"has no config\.json, so it is not the folder of a model"),
        ({"config.json": "{"}, r"config\.json of checkpoint .* cannot be read"),
        ({"config.json": "[]"}, "is not a JSON object"),
        ({"config.json": '{"model_type": "llama"}'}, r"model_type 'llama'.*qwen3_vl \(qwen3-vl\)"),
        ({"config.json": '{"model_type": "qwen3_vl"}'}, r"holds no model\*\.safetensors"),
        ({"lora_config.json": "{}"}, "does not say what it was trained over"),
        (
            {"lora_config.json": json.dumps({"base_model_name_or_path": "/not/there"})},
            "was trained over '/not/there', which is not there",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value) or "nothing",
)
def test_what_cannot_be_loaded_is_refused_before_it_is(
    files: dict[str, str], message: str, tmp_path: Path
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(ModelError, match=message):
        check(tmp_path)


@pytest.mark.parametrize(
    ("checkpoint", "message"),
    [
        ("/not/there", "is not there; give a folder"),
        (__file__, "is a file, not a folder"),
        ("memory://not/there", "holds no files|cannot be listed"),
        ("nosuch://place/model", "cannot be reached"),
    ],
)
def test_a_place_without_a_checkpoint_is_named(checkpoint: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        check(checkpoint)


def test_a_secret_in_a_url_is_not_told() -> None:
    with pytest.raises(ModelError) as refused:
        check("nosuch://user:secret@host/model?token=secret")
    assert "secret" not in str(refused.value)
