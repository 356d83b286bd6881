import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from groundray.engine.run import MANIFEST, open_run
from groundray.engine.shards import COMMITS, UnitWriter
from groundray.engine.storage import PRIVATE, LocalStore
from groundray.formats.errors import OutputError

OUTPUTS = ("f", "images")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "out")


def do_unit(store: LocalStore, unit: int, *, state: str = "", **configuration: object) -> None:
    with (
        open_run(store, configuration, outputs=OUTPUTS, overwrite=False) as run,
        UnitWriter(store, unit, run.token) as writer,
    ):
        writer.append(f"f/{unit}.jsonl", b"{}\n", lines=1)
        writer.commit({}, state=state)


def test_a_run_is_taken_up_where_it_stopped(store: LocalStore) -> None:
    do_unit(store, 0, seed=1)
    do_unit(store, 1, seed=1)
    with open_run(store, {"seed": 1}, outputs=OUTPUTS, overwrite=False) as run:
        assert [commit.unit for commit in run.commits] == [0, 1]
        assert run.manifest is None
        run.finish(b"done")
    with open_run(store, {"seed": 1}, outputs=OUTPUTS, overwrite=False) as run:
        assert run.manifest == b"done"


def test_another_configuration_is_refused_and_the_difference_is_named(store: LocalStore) -> None:
    do_unit(store, 0, seed=1, samples=10)
    with (
        pytest.raises(OutputError, match=r"seed: 1 there, 2 now.*--overwrite"),
        open_run(store, {"seed": 2, "samples": 10}, outputs=OUTPUTS, overwrite=False),
    ):
        pass
    assert (store.root / "f/0.jsonl").exists()


def test_overwrite_removes_the_other_run_whole(store: LocalStore) -> None:
    do_unit(store, 0, seed=1)
    store.write(MANIFEST, b"old")
    with open_run(store, {"seed": 2}, outputs=("g",), overwrite=True) as run:
        assert len(run.commits) == 0
        assert run.manifest is None
    assert not (store.root / "f").exists()


def test_overwrite_keeps_what_the_same_configuration_has_finished(store: LocalStore) -> None:
    do_unit(store, 0, seed=1)
    with open_run(store, {"seed": 1}, outputs=OUTPUTS, overwrite=True) as run:
        assert [commit.unit for commit in run.commits] == [0]


def test_overwrite_does_a_finished_run_anew(store: LocalStore) -> None:
    do_unit(store, 0, seed=1)
    store.write(MANIFEST, b"done")
    with open_run(store, {"seed": 1}, outputs=OUTPUTS, overwrite=True) as run:
        assert len(run.commits) == 0
        assert run.manifest is None
    assert not (store.root / "f").exists()


def test_what_a_run_published_before_it_was_cut_short_goes_with_it(store: LocalStore) -> None:
    with open_run(store, {"seed": 1}, outputs=OUTPUTS, overwrite=False):
        store.write("f/half.jsonl", b"{}")
    with open_run(store, {"seed": 2}, outputs=("g",), overwrite=False):
        assert store.names("") == [".groundray"]


def test_a_run_that_finished_nothing_protects_nothing(store: LocalStore) -> None:
    with open_run(store, {"seed": 1}, outputs=OUTPUTS, overwrite=False):
        pass
    with open_run(store, {"seed": 2}, outputs=OUTPUTS, overwrite=False) as run:
        assert len(run.commits) == 0


@pytest.mark.parametrize("overwrite", [False, True])
def test_files_that_are_not_ours_are_never_touched(store: LocalStore, overwrite: bool) -> None:
    store.write("thesis.tex", b"mine")
    with (
        pytest.raises(OutputError, match=r"no run wrote \(thesis.tex\)"),
        open_run(store, {}, outputs=OUTPUTS, overwrite=overwrite),
    ):
        pass
    assert sorted(p.name for p in store.root.iterdir()) == ["thesis.tex"]


def test_a_run_leaves_no_staging_behind(store: LocalStore) -> None:
    (store.root / ".groundray/staging/000000/dead").mkdir(parents=True)
    do_unit(store, 0)
    assert not (store.root / ".groundray/staging/000000/dead").exists()
    assert store.names(COMMITS) == ["000000.json"]


def test_checksums_are_what_sha256sum_checks(store: LocalStore) -> None:
    for unit in (1, 0, 2):
        do_unit(store, unit)
    with open_run(store, {}, outputs=OUTPUTS, overwrite=False) as run:
        sums = run.write_checksums()
    assert (sums.files, sums.bytes) == (3, 9)
    lines = (store.root / sums.list).read_bytes()
    assert sha256(lines).hexdigest() == sums.sha256
    assert [line.split()[1] for line in lines.splitlines()] == [
        b"f/0.jsonl",
        b"f/1.jsonl",
        b"f/2.jsonl",
    ]
    check = ["sha256sum", "--check", "--strict", "--quiet", sums.list]
    assert subprocess.run(check, cwd=store.root, check=False).returncode == 0
    (store.root / "f/1.jsonl").write_bytes(b"[]\n")
    assert subprocess.run(check, cwd=store.root, check=False, capture_output=True).returncode == 1


def test_checksums_name_a_file_whose_name_holds_a_newline(store: LocalStore) -> None:
    with (
        open_run(store, {}, outputs=OUTPUTS, overwrite=False) as run,
        UnitWriter(store, 0, run.token) as writer,
    ):
        writer.append("f/a\n\\b.jsonl", b"{}\n", lines=1)
        run.commits.add(writer.commit({}))
        run.write_checksums()
    check = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    assert subprocess.run(check, cwd=store.root, check=False).returncode == 0


def test_records_that_do_not_count_are_removed(store: LocalStore) -> None:
    do_unit(store, 0)
    do_unit(store, 1)
    (store.root / "f/0.jsonl").unlink()
    (store.root / COMMITS / ".000002.json.4711").write_bytes(b"{")  # a process died as it wrote
    with open_run(store, {}, outputs=OUTPUTS, overwrite=False) as run:
        assert [commit.unit for commit in run.commits] == [1]
    assert store.names(COMMITS) == ["000001.json"]


@pytest.fixture
def half_old(store: LocalStore) -> LocalStore:
    """Two units, the first of which was made of files as they were before."""
    do_unit(store, 0, state="old")
    do_unit(store, 1, state="new")
    return store


def test_units_of_files_that_were_written_again_are_forgotten(half_old: LocalStore) -> None:
    with open_run(half_old, {}, outputs=OUTPUTS, overwrite=False, state_of=lambda _: "new") as run:
        assert [commit.unit for commit in run.commits] == [1]
    assert half_old.names(COMMITS) == ["000001.json"]


def test_a_finished_run_is_left_as_it_is_when_its_files_are_written_again(
    half_old: LocalStore,
) -> None:
    with open_run(half_old, {}, outputs=OUTPUTS, overwrite=False) as run:
        run.finish(b"done")
    with open_run(half_old, {}, outputs=OUTPUTS, overwrite=False, state_of=lambda _: "new") as run:
        assert len(run.commits) == 2
    assert half_old.names(PRIVATE) == ["commits", "lock", "publishing", "run.json", "token"]


def test_a_write_that_fails_leaves_nothing_behind(store: LocalStore) -> None:
    (store.root / "f").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        store.write("f", b"x")
    assert store.names("") == ["f"]
