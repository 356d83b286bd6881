"""Which predictions a place means."""

from pathlib import Path

import pytest

from groundray.engine.evaluation.prediction_files import image_place, iter_pairs, open_predictions
from groundray.formats.errors import SourceError
from tests.engine.prediction.predictions_made import write_predictions
from tests.engine.scoring.made import CLASSES, random_lines


def test_a_folder_a_split_a_glob_and_a_file_are_predictions(tmp_path: Path) -> None:
    run = write_predictions(tmp_path / "run", random_lines(1, 4), shards=2)
    for place, files in ((run, 2), (run / "val", 2), (run / "val/*-00001-*", 1)):
        found = open_predictions(str(place))
        assert len(found.files) == files
        assert (found.classes, found.classes_from) == (CLASSES, "manifest")
        assert (found.checkpoint, found.format) == ("checkpoint-1", "qwen3-vl")
    assert open_predictions(str(run / "val/val-00000-of-00002.jsonl")).files[0].endswith(".jsonl")


@pytest.mark.parametrize("name", ["run [1]", "run?", "run*"])
def test_a_folder_may_be_named_like_a_glob(tmp_path: Path, name: str) -> None:
    run = write_predictions(tmp_path / name, random_lines(1, 4), shards=2)
    write_predictions(tmp_path / "run 1", random_lines(2, 4))
    for place, files in ((run, 2), (run / "val", 2), (run / "val/val-00001-of-00002.jsonl", 1)):
        found = open_predictions(str(place))
        assert [Path(file).parent for file in found.files] == [run / "val"] * files
        assert found.classes_from == "manifest"


def test_staged_files_are_no_predictions(tmp_path: Path) -> None:
    run = write_predictions(tmp_path / "run", random_lines(1, 4))
    (run / ".groundray").mkdir()
    (run / ".groundray/half.jsonl").write_text("{")
    assert len(open_predictions(str(run)).files) == 1


def test_a_folder_of_several_runs_names_them(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_predictions(tmp_path / name, random_lines(1, 1))
    with pytest.raises(SourceError, match=r"holds several runs; give one or more: .*/a, .*/b"):
        open_predictions(str(tmp_path))


def test_a_class_that_is_listed_twice_is_refused(tmp_path: Path) -> None:
    run = str(write_predictions(tmp_path / "run", random_lines(1, 1)))
    with pytest.raises(SourceError, match="class 'cup' is in the list of classes twice"):
        open_predictions(run, classes=["cup", "dog", "cup"])


def test_a_broken_manifest_is_not_taken_for_none(tmp_path: Path) -> None:
    run = write_predictions(tmp_path / "run", random_lines(1, 1))
    (run / "manifest.json").write_text('{"classes": ["cup"')
    with pytest.raises(SourceError, match=r"manifest\.json: not JSON"):
        open_predictions(str(run))


def test_nothing_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no predictions at"):
        open_predictions(str(tmp_path / "none"))


def test_object_stores_are_read_too(bucket: str) -> None:
    import fsspec

    with fsspec.open(f"{bucket}/run/val/a.jsonl", "wb") as file:
        file.write(b"".join(_lines(3)))
    found = open_predictions(f"{bucket}/run")
    assert sum(len(pairs) for pairs in iter_pairs(found.files[0], found.classes)) == 3


def test_a_shard_without_lines_is_read(tmp_path: Path) -> None:
    run = write_predictions(tmp_path / "run", random_lines(1, 1), shards=3)
    found = open_predictions(str(run))
    assert sum(len(pairs) for file in found.files for pairs in iter_pairs(file, CLASSES)) == 1


@pytest.mark.parametrize(
    ("image", "file", "place"),
    [
        ("../../images/a/1.jpg", "/p/run/val/x.jsonl", "/p/images/a/1.jpg"),
        ("../i/1.jpg", "s3://b/run/val/x.jsonl", "s3://b/run/i/1.jpg"),
        ("http://a/b.jpg", "/p/x.jsonl", "http://a/b.jpg"),
        ("/data/b.jpg", "/p/x.jsonl", "/data/b.jpg"),
    ],
)
def test_images_are_found_from_the_file(image: str, file: str, place: str) -> None:
    assert image_place(image, file) == place


def _lines(count: int) -> list[bytes]:
    import orjson

    return [orjson.dumps(each) + b"\n" for each in random_lines(1, count)]
