from pathlib import Path

import pytest

from groundray.engine.shards import (
    TOKEN,
    Commit,
    OutputFile,
    UnitWriter,
    commit_path,
    counted_name,
    file_stem,
    shard_name,
)
from groundray.engine.storage import PRIVATE, LocalStore
from groundray.formats.errors import OutputError


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    made = LocalStore(tmp_path / "out")
    made.write(TOKEN, b"mine")
    return made


def files_of(root: Path) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


def test_shard_names_are_padded() -> None:
    assert shard_name("val", 3, 12) == "val-00003"
    assert counted_name("val", 3, 12) == "val-00003-of-00012"


@pytest.mark.parametrize("total", [100_000, 100_001, 1_000_000])
def test_shard_names_sort_as_numbers_however_many_there_are(total: int) -> None:
    indices = [0, 9, 10, 99_999, total - 1]
    for name in (shard_name, counted_name):
        names = [name("train", index, total) for index in indices]
        assert names == sorted(names)


@pytest.mark.parametrize(
    ("key", "stem"),
    [
        ("9", "000000000009"),
        ("1234567890123", "1234567890123"),
        ("图1", "%E5%9B%BE1"),
        ("../../etc/passwd", "..%2F..%2Fetc%2Fpasswd"),
        (".", "%2E"),
        ("a\nb\0", "a%0Ab%00"),
        ("-1", "-1"),
    ],
)
def test_a_key_becomes_one_file_name(key: str, stem: str) -> None:
    assert file_stem(key) == stem


def test_a_long_key_is_hashed() -> None:
    assert len(file_stem("x" * 10_000)) == 32
    assert file_stem("x" * 101) != file_stem("x" * 102)
    assert file_stem("x" * 100) == "x" * 100


def test_nothing_stands_in_output_before_the_commit(store: LocalStore) -> None:
    with UnitWriter(store, 0, "mine") as writer:
        writer.write_image("images/train-00000", "a.jpg", b"1")
        writer.write_image("images/train-00000", "b.jpg", b"2")
        writer.append("f/train/train-00000-of-00001.jsonl", b"{}\n", lines=1)
        assert [name for name in files_of(store.root) if not name.startswith(PRIVATE)] == []
        commit = writer.commit({"records/written": 1})
    assert [name for name in files_of(store.root) if not name.startswith(PRIVATE)] == [
        "f/train/train-00000-of-00001.jsonl",
        "images/train-00000/a.jpg",
        "images/train-00000/b.jpg",
    ]
    assert store.read(commit_path(0)) == commit.to_json()
    (file,) = commit.files
    assert (file.bytes, file.lines) == (3, 1)
    # sha256 of "{}\n", by sha256sum
    assert file.sha256 == "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356"


def test_a_unit_that_fails_leaves_nothing(store: LocalStore) -> None:
    def fail() -> None:
        with UnitWriter(store, 0, "mine") as writer:
            writer.write_image("images/train-00000", "a.jpg", b"1")
            writer.append("f/train/x.jsonl", b"{}\n", lines=1)
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    assert files_of(store.root) == [TOKEN]


def test_a_unit_done_again_replaces_what_was_there(store: LocalStore) -> None:
    for names in (["a.jpg", "old.jpg"], ["a.jpg"]):
        with UnitWriter(store, 0, "mine") as writer:
            for name in names:
                writer.write_image("images/train-00000", name, b"1")
            writer.commit({})
        store.remove(commit_path(0))
    assert [p.name for p in (store.root / "images/train-00000").iterdir()] == ["a.jpg"]


def test_of_two_tasks_with_one_unit_the_first_counts(store: LocalStore) -> None:
    with UnitWriter(store, 0, "mine") as late, UnitWriter(store, 0, "mine") as early:
        for writer in (late, early):
            writer.append("f/x.jsonl", b"{}\n", lines=1)
            writer.write_image("images/train-00000", "a.jpg", b"1")
        first = early.commit({"rows": 1})
        written = (store.root / "f/x.jsonl").stat()
        assert late.commit({"rows": 1}) == first
    assert (store.root / "f/x.jsonl").stat() == written
    assert files_of(store.root / PRIVATE / "staging") == []


def test_a_task_that_outlived_its_run_publishes_nothing(store: LocalStore) -> None:
    store.write(TOKEN, b"theirs")
    with UnitWriter(store, 0, "mine") as writer:
        writer.append("f/x.jsonl", b"{}\n", lines=1)
        with pytest.raises(OutputError, match="taken over"):
            writer.commit({})
    assert not (store.root / "f").exists()


def test_a_commit_reads_back() -> None:
    commit = Commit(3, (OutputFile("a", 1, "ff", 2),), {"x/y": 4})
    assert Commit.from_json(commit.to_json()) == commit
