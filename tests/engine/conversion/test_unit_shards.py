"""The files of a unit while they are written."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from groundray.engine.behind import Behind
from groundray.engine.conversion.unit_shards import UnitShards
from groundray.engine.plan import Shard, Unit
from groundray.engine.shards import TOKEN, UnitWriter
from groundray.engine.storage import LocalStore
from groundray.engine.truth import SCHEMA


def truth_of_one() -> pa.Table:
    """More than any buffer of a file holds, and more than compressing can help."""
    row = {"id": "1", "image": os.urandom(200_000).hex(), "width": 1, "height": 1, "query": None}
    boxes: dict[str, list[object]] = {"xyxy": [], "category": [], "area": [], "iscrowd": []}
    return pa.Table.from_pylist([{**row, **boxes}], schema=SCHEMA)


def encoded(root: Path) -> list[str]:
    """Truth files that hold something by now."""
    behind = Behind()  # all of a process have one thread
    behind.call(int)
    behind.settle()
    return sorted(path.stem for path in root.rglob("*.parquet") if path.stat().st_size)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    made = LocalStore(tmp_path)
    made.write(TOKEN, b"mine")
    return made


def test_the_truth_of_a_shard_is_encoded_when_its_records_are_there(store: LocalStore) -> None:
    shards = (Shard("train", 0, 2), Shard("train", 1, 2), Shard("val", 0, 3))
    unit = Unit(0, "train", (), shards)
    with UnitWriter(store, 0, "mine") as writer:
        with UnitShards(
            writer, unit, splits=("train", "val"), num_shards={"train": 2, "val": 1}, formats=()
        ) as open_shards:
            slots = open_shards.assign(np.array([0, 1, 0, -1, 0]))
            assert slots.tolist() == [0, 2, 0, -1, 1]
            for slot in slots[slots >= 0].tolist():
                open_shards.write_truth(slot, truth_of_one())
            assert encoded(store.root) == []
            open_shards.complete_truth()
            assert encoded(store.root) == ["train-00000"]
            open_shards.assign(np.array([0]))  # rejected: it never gets a record
            open_shards.complete_truth()
            assert encoded(store.root) == ["train-00000", "train-00001"]
        commit = writer.commit({})
    assert [pq.read_metadata(store.root / file.path).num_rows for file in commit.files] == [2, 1, 1]
