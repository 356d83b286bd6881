from pathlib import Path

import pytest

from groundray.engine.commit_log import CommitLog
from groundray.engine.shards import COMMITS, TOKEN, Commit, UnitWriter, commit_path, read_commit
from groundray.engine.storage import LocalStore, Store, open_store

FOLD = 5


@pytest.fixture(autouse=True)
def _fold_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundray.engine.commit_log.FOLD", FOLD)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "out")


def do_unit(store: Store, unit: int) -> Commit:
    store.write(TOKEN, b"mine")
    with UnitWriter(store, unit, "mine") as writer:
        writer.append(f"f/train/{unit}.jsonl", b"{}\n" * (unit + 1), lines=unit + 1)
        return writer.commit({"records/written": unit + 1})


def log_of(store: Store, units: int) -> CommitLog:
    log = CommitLog(store)
    for unit in range(units):
        log.add(do_unit(store, unit))
    return log


def told(log: CommitLog) -> tuple[object, ...]:
    """All that a log says."""
    return list(log), len(log), [unit in log for unit in range(20)], log.tally, log.lines


def test_a_log_that_is_read_again_says_what_it_said(store: LocalStore) -> None:
    log = log_of(store, 13)
    assert told(CommitLog(store)) == told(log)
    assert [commit.unit for commit in log] == list(range(13))
    assert log.tally == {"records/written": 91}
    assert log.lines == {"f/train": 91}
    assert 12 in log
    assert 13 not in log


def test_records_of_neighbours_become_one_file(store: LocalStore) -> None:
    log_of(store, 13)
    singles = ["000010.json", "000011.json", "000012.json"]
    assert store.names(COMMITS) == ["000000.jsonl", "000001.jsonl", *singles]
    assert read_commit(store, 11) is not None
    assert read_commit(store, 13) is None


def test_units_may_be_done_in_any_order(store: LocalStore) -> None:
    log = CommitLog(store)
    for unit in (7, 3, 12, 0, 9, 1, 2, 4, 5):
        log.add(do_unit(store, unit))
    assert store.names(COMMITS)[0] == "000000.jsonl"
    assert told(CommitLog(store)) == told(log)
    assert [commit.unit for commit in log] == [0, 1, 2, 3, 4, 5, 7, 9, 12]


@pytest.mark.parametrize("damage", ["cut", "gone"])
@pytest.mark.parametrize("unit", [2, 6])
def test_a_unit_whose_file_is_cut_or_gone_is_done_again(
    store: LocalStore, unit: int, damage: str
) -> None:
    log = log_of(store, 7)
    file = store.root / f"f/train/{unit}.jsonl"
    file.unlink() if damage == "gone" else file.write_bytes(b"{")
    again = CommitLog(store)
    assert unit not in again
    assert len(again) == 6
    assert read_commit(store, unit) is None
    again.add(do_unit(store, unit))
    assert told(again) == told(log) == told(CommitLog(store))
    assert store.names(COMMITS) == ["000000.jsonl", "000005.json", "000006.json"]


def test_a_damaged_record_does_not_count_and_goes(store: LocalStore) -> None:
    store.write(commit_path(0), b'{"unit": 0')
    store.write(commit_path(1), b'{"unit": 1}')
    assert len(CommitLog(store)) == 0
    assert store.names(COMMITS) == []


def test_a_driver_that_dies_while_it_folds_loses_nothing(store: LocalStore) -> None:
    log = log_of(store, FOLD)
    for commit in log:  # as if none had been removed yet
        store.write(commit_path(commit.unit), commit.to_json())
    assert told(CommitLog(store)) == told(log)
    assert store.names(COMMITS) == ["000000.jsonl"]


def test_a_log_on_a_bucket_is_folded_too(bucket: str) -> None:
    store = open_store(f"{bucket}/out")
    log = log_of(store, 7)
    assert store.names(COMMITS) == ["000000.jsonl", "000005.json", "000006.json"]
    assert told(CommitLog(store)) == told(log)
