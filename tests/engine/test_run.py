from pathlib import Path

import pytest

from groundray.engine.run import MANIFEST, open_run
from groundray.engine.shards import COMMITS, UnitWriter
from groundray.engine.storage import LocalStore
from groundray.formats.errors import OutputError

OUTPUTS = ("f", "images")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "out")


def do_unit(store: LocalStore, unit: int, **configuration: object) -> None:
    with (
        open_run(store, configuration, outputs=OUTPUTS, overwrite=False) as run,
        UnitWriter(store, unit, run.token) as writer,
    ):
        writer.append(f"f/{unit}.jsonl", b"{}\n", lines=1)
        writer.commit({})


def test_a_run_is_taken_up_where_it_stopped(store: LocalStore) -> None:
    do_unit(store, 0, seed=1)
    do_unit(store, 1, seed=1)
    with open_run(store, {"seed": 1}, outputs=OUTPUTS, overwrite=False) as run:
        assert sorted(run.commits) == [0, 1]
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
        assert run.commits == {}
        assert run.manifest is None
    assert not (store.root / "f").exists()


def test_overwrite_keeps_what_the_same_configuration_has_finished(store: LocalStore) -> None:
    do_unit(store, 0, seed=1)
    with open_run(store, {"seed": 1}, outputs=OUTPUTS, overwrite=True) as run:
        assert sorted(run.commits) == [0]


def test_overwrite_does_a_finished_run_anew(store: LocalStore) -> None:
    do_unit(store, 0, seed=1)
    store.write(MANIFEST, b"done")
    with open_run(store, {"seed": 1}, outputs=OUTPUTS, overwrite=True) as run:
        assert run.commits == {}
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
        assert run.commits == {}


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
    (store.root / ".groundray/staging/000000-dead").mkdir(parents=True)
    do_unit(store, 0)
    assert not (store.root / ".groundray/staging/000000-dead").exists()
    assert store.names(COMMITS) == ["000000.json"]
