from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.data import make_annotations
from groundray.engine.plan import Plan, make_plan
from groundray.engine.selection import Sampling, Selection
from groundray.engine.sources import Source, open_source, read_keys
from groundray.engine.survey import Question, survey
from groundray.engine.workers import Threads
from tests.engine.coco import Row, rows, write
from tests.engine.conversion.test_convert import assert_adds_up, examples, run, without_boxes


def plan_of(source: Path, rows_per_shard: int) -> Plan:
    return make_plan(open_source([str(source)]), Sampling(), rows_per_shard=rows_per_shard)


def spans(plan: Plan) -> list[list[tuple[int, int, int]]]:
    """(file, start, stop) of every part of every unit."""
    files = plan.source.files
    return [[(files.index(p.file), p.start, p.stop) for p in unit.parts] for unit in plan.units]


def shards(plan: Plan) -> list[list[tuple[str, int, int]]]:
    return [[(s.split, s.index, s.records) for s in unit.shards] for unit in plan.units]


def test_row_groups_are_packed_until_a_shard_is_full(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"train": rows(25)}, row_group_rows=4)
    plan = plan_of(source, 10)
    assert spans(plan) == [[(0, 0, 12)], [(0, 12, 24)], [(0, 24, 25)]]
    assert shards(plan) == [[("train", 0, 12)], [("train", 1, 12)], [("train", 2, 1)]]
    assert plan.num_shards == {"train": 3}


def test_small_files_of_a_split_share_a_unit(tmp_path: Path) -> None:
    files = {f"train-{i}": rows(3, first_id=10 * i) for i in range(4)} | {
        "val": rows(2, first_id=99)
    }
    plan = plan_of(write(tmp_path / "in", files), 6)
    assert spans(plan) == [[(0, 0, 3), (1, 0, 3)], [(2, 0, 3), (3, 0, 3)], [(4, 0, 2)]]
    assert shards(plan) == [[("train", 0, 6)], [("train", 1, 6)], [("val", 0, 2)]]


def test_one_large_row_group_is_one_unit_of_several_shards(tmp_path: Path) -> None:
    plan = plan_of(write(tmp_path / "in", {"train": rows(29)}), 10)
    assert spans(plan) == [[(0, 0, 29)]]
    assert shards(plan) == [[("train", 0, 9), ("train", 1, 10), ("train", 2, 10)]]


def test_row_groups_of_which_nothing_is_chosen_are_not_read(tmp_path: Path) -> None:
    made = rows(30)
    made[10:20] = [without_boxes(row) for row in made[10:20]]
    plan = plan_of(write(tmp_path / "in", {"train": made}, row_group_rows=5), 100)
    assert spans(plan) == [[(0, 0, 10), (0, 20, 30)]]
    assert plan.not_chosen["no_boxes"] == (10, 10, 0)


def test_a_unit_of_a_divided_pool_writes_both_splits(tmp_path: Path) -> None:
    source = open_source([str(write(tmp_path / "in", {"all": rows(40)}, row_group_rows=10))])
    plan = make_plan(source, Sampling(val_ratio=0.5), rows_per_shard=20)
    assert [len(unit.parts) for unit in plan.units] == [1, 1]
    for unit in plan.units:
        assert [shard.split for shard in unit.shards] == ["train", "val"]
    assert sum(s.records for unit in plan.units for s in unit.shards if s.split == "val") == 20


@pytest.fixture
def box_rows(tmp_path: Path) -> Path:
    """One row a box: 9 images with 1 to 4 boxes each, in row groups that cut through images."""
    table: dict[str, list[object]] = {"image_id": [], "image": [], "bbox": [], "category": []}
    for i, row in enumerate(rows(9)):
        for box in range(1 + i % 4):
            table["image_id"].append(row["image_id"])
            table["image"].append(row["image"])
            table["bbox"].append([10.0, 20.0 + box, 110.0, 120.0 + box])
            table["category"].append("thing")
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table(table), tmp_path / "in/train.parquet", row_group_size=3)
    (tmp_path / "in/layout.toml").write_text(
        'image = "image"\nid = "image_id"\nboxes = "bbox"\ncategory = "category"\n'
        'order = "xyxy"\nspace = "pixels"\ngrouped = true\n'
    )
    return tmp_path / "in"


def test_units_are_cut_where_grouped_records_begin(box_rows: Path, tmp_path: Path) -> None:
    layout = str(box_rows / "layout.toml")
    manifest = run(box_rows, tmp_path / "a", layout=layout, rows_per_shard=2)
    assert manifest.splits["train"].shards > 2
    assert [len(e["objects"]["bbox"]) for e in examples(tmp_path / "a")] == [
        1 + i % 4 for i in range(9)
    ]
    assert manifest.rows.read == manifest.rows.written == 21
    assert manifest.records.written == 9
    assert_adds_up(manifest)
    run(box_rows, tmp_path / "b", layout=layout, rows_per_shard=100)
    assert [e["objects"] for e in examples(tmp_path / "b")] == [
        e["objects"] for e in examples(tmp_path / "a")
    ]


def test_a_plan_does_not_depend_on_the_order_of_inputs(tmp_path: Path) -> None:
    parts: dict[str, list[Row]] = {"a": rows(5), "b": rows(6, first_id=50)}
    places = [str(write(tmp_path / name, {"train": made})) for name, made in parts.items()]
    plans = [
        make_plan(open_source(order), Sampling(), rows_per_shard=4)
        for order in (places, places[::-1])
    ]
    assert plans[0] == plans[1]


@pytest.fixture(scope="module")
def scattered(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """Ids that repeat within files, across them and across splits; and a file without a row."""
    random = Random(3)
    files = {
        f"{split}-{i}": [
            without_boxes(row) if random.random() < 0.1 else row
            for row in (rows(1, first_id=random.randrange(60))[0] for _ in range(count))
        ]
        for split, counts in {"train": (30, 0, 25), "val": (20,), "test": (5,)}.items()
        for i, count in enumerate(counts)
    }
    return open_source([str(write(tmp_path_factory.mktemp("s") / "in", files, row_group_rows=7))])


SAMPLINGS = [
    Sampling(),
    Sampling(keep_empty=True),
    Sampling(samples=20, val_ratio=0.4),
    Sampling(samples=20, val_ratio=0.4, method="shuffle"),
]


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=["all", "empty", "hash", "shuffle"])
def test_a_plan_is_the_same_however_its_records_are_divided(
    scattered: Source, sampling: Sampling, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan(scattered, sampling, rows_per_shard=10)
    monkeypatch.setattr("groundray.engine.rank_pools.SPAN_RANKS", 9)
    monkeypatch.setattr("groundray.engine.survey.MAX_GROUPS", 2)
    assert make_plan(scattered, sampling, rows_per_shard=10) == plan


@pytest.mark.parametrize("sampling", [SAMPLINGS[0], SAMPLINGS[2]], ids=["all", "hash"])
def test_repeats_are_what_a_look_at_one_record_after_another_finds(
    scattered: Source, sampling: Sampling
) -> None:
    plan = make_plan(scattered, sampling, rows_per_shard=10)
    seen, expected = set(), set()
    for file in scattered.files:
        keys = read_keys(scattered, file)
        outcome = plan.selection.outcome(file.split, keys)
        for i in np.flatnonzero(outcome >= 0).tolist():
            id_ = str(keys.id[i])
            if id_ in seen:
                expected.add((file.relative, int(keys.row[i]), id_))
            seen.add(id_)
    found = {
        (part.file.relative, *repeat)
        for unit in plan.units
        for part in unit.parts
        for repeat in part.repeats
    }
    assert found == expected
    assert expected


def test_what_a_plan_keeps_of_a_row_is_a_few_bytes(tmp_path: Path) -> None:
    make_annotations(tmp_path / "in", rows=40_000, files=1)
    source = open_source([str(tmp_path / "in")])
    rule = Selection((), {}, None, keep_empty=False)
    made = survey(source, Question(source, rule, 42, None, None), Threads())
    ((surveyed,),) = made.groups
    assert sum(column.nbytes for column in surveyed.eligible) <= 12 * 40_000
