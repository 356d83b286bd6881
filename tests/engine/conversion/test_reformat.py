"""Reformatting: a converted folder as the source of another conversion."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from groundray.engine.cli import main
from groundray.engine.converted import is_converted, open_converted
from groundray.formats.errors import SourceError
from tests.engine.coco import SAMPLE, rows, tree, with_box, write
from tests.engine.conversion.test_conversion_remote import remote_tree
from tests.engine.conversion.test_convert import assert_adds_up, examples, run


def without_images(example: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in example.items() if name != "images"}


def truth(folder: Path) -> list[dict[str, Any]]:
    paths = sorted((folder / "truth").rglob("*.parquet"))
    records = [record for path in paths for record in pq.read_table(path).to_pylist()]
    return [{name: value for name, value in r.items() if name != "image"} for r in records]


@pytest.fixture
def converted(tmp_path: Path) -> Path:
    made = rows(30)
    made[3] = {**made[3], "objects": {name: [] for name in made[3]["objects"]}}
    made[4] = with_box(made[4], 0, [1.005, 2.005, 55.555, 66.665])  # no grid holds it
    files = {"train": made, "val": rows(5, first_id=9000), "extra-00001": rows(2, first_id=9500)}
    run(write(tmp_path / "in", files), tmp_path / "a", keep_empty=True, rows_per_shard=8)
    return tmp_path / "a"


def test_another_family_is_written_as_from_the_source(converted: Path, tmp_path: Path) -> None:
    run(tmp_path / "in", tmp_path / "b", formats=["glm-4.5v"], keep_empty=True)
    options: dict[str, Any] = {"formats": ["glm-4.5v"], "keep_empty": True}
    manifest = run(converted, tmp_path / "c", images="reference", **options)
    assert_adds_up(manifest)
    assert truth(tmp_path / "c") == truth(converted)
    direct, again = (examples(tmp_path / name, "glm-4.5v") for name in ("b", "c"))
    assert list(map(without_images, again)) == list(map(without_images, direct))
    assert set(manifest.splits) == {"extra", "train", "val"}
    assert not (tmp_path / "c/images").exists()
    folder = tmp_path / "c/glm-4.5v/train"
    for example in again[:2]:
        (image,) = example["images"]
        assert not image.startswith("/")
        assert (folder / image).resolve().is_file()


def test_the_result_is_a_converted_folder_itself(converted: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"images": "reference", "keep_empty": True}
    run(converted, tmp_path / "b", formats=["glm-4.5v"], **options)
    run(tmp_path / "b", tmp_path / "c", formats=["qwen3-vl"], **options)
    first, last = examples(converted), examples(tmp_path / "c")
    assert list(map(without_images, last)) == list(map(without_images, first))
    image = tmp_path / "c/qwen3-vl/train" / last[0]["images"][0]
    assert image.resolve().parent == converted / "images/extra-00000"


def test_images_can_be_written_again_and_records_drawn(converted: Path, tmp_path: Path) -> None:
    manifest = run(converted, tmp_path / "b", samples=6, val_ratio=0.5)
    assert {name: split.records for name, split in manifest.splits.items()} == {
        "train": 3,
        "val": 3,
    }
    before = {path.rsplit("/", 1)[1]: data for path, data in tree(converted / "images").items()}
    after = {path.rsplit("/", 1)[1]: data for path, data in tree(tmp_path / "b/images").items()}
    assert len(after) == 6
    assert all(before[name] == data for name, data in after.items())


def test_a_grounding_set_keeps_its_expressions_and_negatives(tmp_path: Path) -> None:
    import pyarrow as pa

    image = rows(1)[0]["image"]
    table = pa.table(
        {
            "question_id": ["1", "2"],
            "image": [image, image],
            "answer": [["the left cup", "cup"], ["nothing there"]],
            "bbox": [[10.0, 20.0, 30.0, 40.0], None],
        }
    )
    (tmp_path / "in").mkdir()
    pq.write_table(table, tmp_path / "in/val.parquet")
    options: dict[str, Any] = {"layout": "lmms-refcoco", "formats": ["qwen3-vl-json"]}
    run(tmp_path / "in", tmp_path / "a", **options)
    run(tmp_path / "a", tmp_path / "b", formats=["qwen3-vl-json"], images="reference")
    first, again = (examples(tmp_path / name, "qwen3-vl-json") for name in ("a", "b"))
    assert list(map(without_images, again)) == list(map(without_images, first))


def test_a_converted_folder_says_itself_what_it_means(converted: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="--layout: INPUT is a converted folder"):
        run(converted, tmp_path / "b", layout="coco")


def test_an_unfinished_conversion_is_not_taken_for_one(converted: Path) -> None:
    (converted / "manifest.json").unlink()
    assert not is_converted(str(converted))
    with pytest.raises(SourceError, match="is no finished conversion"):
        open_converted(str(converted))


def test_a_converted_folder_with_its_result_may_be_moved(converted: Path, tmp_path: Path) -> None:
    run(converted, tmp_path / "b", formats=["glm-4.5v"], images="reference", keep_empty=True)
    (tmp_path / "elsewhere").mkdir()
    for name in ("a", "b"):
        shutil.move(tmp_path / name, tmp_path / "elsewhere" / name)
    example = examples(tmp_path / "elsewhere/b", "glm-4.5v")[0]
    split = tmp_path / "elsewhere/b/glm-4.5v/extra"
    assert (split / example["images"][0]).resolve().is_file()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # botocore leaves sockets open
def test_a_bucket_is_reformatted_like_a_folder(
    bucket: str, converted: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"formats": ["glm-4.5v"], "images": "reference", "keep_empty": True}
    run(tmp_path / "in", f"{bucket}/a", keep_empty=True, rows_per_shard=8)
    run(f"{bucket}/a", f"{bucket}/b", **options)
    run(converted, tmp_path / "b", **options)
    remote, local = remote_tree(f"{bucket}/b"), tree(tmp_path / "b")
    assert remote == local


def test_the_command_reformats(
    converted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "b")
    assert main(["reformat", str(converted), output, "--format", "glm-4.5v"]) == 0
    assert "wrote 37 records" in capsys.readouterr().out
    assert main(["reformat", str(SAMPLE), output, "--format", "glm-4.5v"]) == 1
    assert "is no finished conversion" in capsys.readouterr().err
    assert main(["reformat", str(converted), output, "--format", ""]) == 2
