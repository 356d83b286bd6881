"""Convert from and to an object store, over HTTP."""

import shutil
import subprocess
from pathlib import Path

import fsspec
import pytest

from groundray.engine.storage import open_store
from groundray.formats.errors import OutputError
from tests.engine.coco import SAMPLE, rows, tree, write
from tests.engine.conversion.test_convert import run
from tests.engine.on_workers import on_workers

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # botocore leaves sockets open


def remote_tree(url: str) -> dict[str, bytes]:
    """Every object below a URL but the run's own."""
    fs, root = fsspec.core.url_to_fs(url)
    fs.invalidate_cache()
    found = {path.removeprefix(f"{root}/"): fs.cat_file(path) for path in fs.find(root)}
    return {path: data for path, data in found.items() if not path.startswith(".groundray/")}


def upload(folder: Path, url: str) -> None:
    fs, root = fsspec.core.url_to_fs(url)
    fs.put(f"{folder}/", f"{root}/", recursive=True)


def test_a_bucket_is_read_like_a_folder(bucket: str, tmp_path: Path) -> None:
    upload(SAMPLE, f"{bucket}/in")
    run(SAMPLE, tmp_path / "local")
    run(f"{bucket}/in", tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "local")


def test_a_hub_data_set_is_read_like_a_folder(hub: Path, tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, hub / "groundray/sample")
    run(SAMPLE, tmp_path / "local")
    run("hf://datasets/groundray/sample", tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "local")


def test_secrets_of_an_output_are_not_shown(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"train": rows(2)})
    with pytest.raises(OutputError) as caught:
        run(source, "nosuch://user:secret@host/out?token=secret")
    assert "secret" not in str(caught.value)


def test_a_bucket_is_written_like_a_folder(bucket: str, tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"train": rows(20), "val": rows(7, first_id=9000)})
    options = {"formats": ["qwen3-vl", "glm-4.5v"], "rows_per_shard": 5}
    run(source, tmp_path / "out", **options)
    run(source, f"{bucket}/out", **options)
    assert remote_tree(f"{bucket}/out") == tree(tmp_path / "out")
    store = open_store(f"{bucket}/out")
    assert store.names(".groundray") == ["commits", "run.json", "token"]


def test_a_run_on_a_bucket_is_taken_up(bucket: str, tmp_path: Path) -> None:
    made = rows(20)
    made[17] = {**made[17], "image": {"bytes": b"no jpeg", "path": None}}
    source = write(tmp_path / "in", {"train": made}, row_group_rows=5)
    options = {"rows_per_shard": 5, "on_error": "raise"}
    with pytest.raises(Exception, match="not_an_image"):
        run(source, f"{bucket}/out", **options)
    store = open_store(f"{bucket}/out")
    assert store.names(".groundray/commits") == ["000000.json", "000001.json", "000002.json"]
    done: list[int] = []
    with pytest.raises(Exception, match="not_an_image"):
        run(source, f"{bucket}/out", **options, on_progress=lambda p: done.append(p.units_done))
    assert done == [3]


def test_another_configuration_on_a_bucket_needs_overwrite(bucket: str, tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"train": rows(6)})
    run(source, f"{bucket}/out")
    with pytest.raises(OutputError, match="holds another run"):
        run(source, f"{bucket}/out", samples=3)
    run(source, f"{bucket}/out", samples=3, overwrite=True)
    run(source, tmp_path / "out", samples=3)
    assert remote_tree(f"{bucket}/out") == tree(tmp_path / "out")


@pytest.mark.ray
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("default")
def test_ray_workers_write_to_a_bucket(bucket: str, tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"train": rows(20)}, row_group_rows=5)
    settled = ["--format", "qwen3-vl", "--rows-per-shard", "5"]
    subprocess.run([*on_workers("convert", source, f"{bucket}/out"), *settled], check=True)
    run(source, tmp_path / "out", rows_per_shard=5)
    assert remote_tree(f"{bucket}/out") == tree(tmp_path / "out")
