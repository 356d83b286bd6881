"""INPUTs: which files they mean, and what these are called."""

from pathlib import Path

import pytest

from groundray.engine.sources import Source, open_source, read_keys
from groundray.engine.sources.inputs import find_files, name_roots
from tests.engine.sources import makers


def make(folder: Path, *names: str) -> Path:
    made = makers.coco_modern()
    for name in names:
        makers.write(made.table, folder / name, features=made.features)
    return folder


def relatives(*inputs: Path | str) -> list[str]:
    return [file.relative for file in find_files([str(place) for place in inputs])]


def ids(source: Source) -> list[str]:
    return [str(i) for file in source.files for i in read_keys(source, file).id.to_pylist()]


def test_a_folder_means_its_parquet_files_at_any_depth(tmp_path: Path) -> None:
    make(tmp_path, "b.parquet", "data/a.parquet", "data/deep/er/c.parquet")
    assert relatives(tmp_path) == ["b.parquet", "data/a.parquet", "data/deep/er/c.parquet"]


def test_hidden_and_private_names_and_other_files_are_passed_over(tmp_path: Path) -> None:
    make(tmp_path, "a.parquet", ".b.parquet", "_c.parquet", ".git/d.parquet", "_tmp/e.parquet")
    (tmp_path / "notes.txt").write_text("no data")
    assert relatives(tmp_path) == ["a.parquet"]


def test_a_glob_of_the_shell_equals_the_folder_and_the_quoted_glob(tmp_path: Path) -> None:
    make(tmp_path, "val-0.parquet", "train-0.parquet", "train-1.parquet")
    (tmp_path / "notes.txt").write_text("no data")
    folder = open_source([str(tmp_path)])
    assert open_source([str(path) for path in tmp_path.iterdir()]) == folder
    assert open_source([str(tmp_path / "*")]) == folder
    assert open_source([str(tmp_path / "**/*.parquet")]) == folder
    assert {file.scope for file in folder.files} == {None}


def test_a_file_given_twice_counts_once(tmp_path: Path) -> None:
    make(tmp_path, "train.parquet")
    assert relatives(tmp_path, tmp_path / "train.parquet", tmp_path) == ["train.parquet"]


def test_a_name_with_brackets_is_a_name_where_it_exists(tmp_path: Path) -> None:
    make(tmp_path, "set [1]/train.parquet")
    assert relatives(tmp_path / "set [1]") == ["train.parquet"]


def test_ids_of_several_inputs_are_scoped_and_sorted(tmp_path: Path) -> None:
    make(tmp_path, "b/data/train.parquet", "a/data/train.parquet")
    source = open_source([str(tmp_path / "b/data"), str(tmp_path / "a/data")])
    assert [file.scope for file in source.files] == ["a", "b"]
    assert [file.relative for file in source.files] == ["train.parquet"] * 2
    first = makers.pictures()[0].id
    assert ids(source)[0] == f"a.{first}"
    assert ids(source)[16] == f"b.{first}"


@pytest.mark.parametrize(
    ("roots", "expected"),
    [
        (["/d/coco"], [None]),
        (["/d/a/data", "/d/b/data"], ["a", "b"]),
        (["/d/x/one", "/d/y/one"], ["x", "y"]),
        (["/d/x/one", "/d/y/one", "/d/y/two"], ["x-one", "y-one", "y-two"]),
        (["/d/one", "s3://d/one"], ["input1", "input2"]),
        (["/d/v1.2", "/d/v1.3"], ["v1-2", "v1-3"]),
    ],
)
def test_names_of_inputs_are_short_unique_and_without_dots(
    roots: list[str], expected: list[str | None]
) -> None:
    assert list(name_roots(roots).values()) == expected


def test_rows_without_id_are_named_by_file_and_row(tmp_path: Path) -> None:
    made = makers.raccoon()
    for name in ("train/0000.parquet", "val/0000.parquet", "val/0001.parquet"):
        makers.write(made.table, tmp_path / name)
    found = ids(open_source([str(tmp_path)]))
    assert found[0] == "train/0000-0"
    assert found[16] == "val/0000-0"
    assert found[32:34] == ["0001-0", "0001-1"]


def test_nothing_of_a_url_but_its_path_is_ever_shown() -> None:
    import fsspec

    from groundray.models.urls import describe, public_name

    assert public_name("https://user:key@host/a/b.parquet?token=key") == "https://host/a/b.parquet"
    error = OSError("403 for https://user:key@host/a?token=key, sorry")
    assert describe(error) == "403 for https://host/a sorry"
    assert "memory" in fsspec.available_protocols()


def test_files_and_sources_can_be_shown_and_sent(tmp_path: Path) -> None:
    import pickle

    make(tmp_path, "train.parquet")
    source = open_source([str(tmp_path)])
    assert pickle.loads(pickle.dumps(source)) == source  # noqa: S301  our own bytes
    assert str(tmp_path) not in repr(source)
    assert len(pickle.dumps(source.files[0])) < 1000
