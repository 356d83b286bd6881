from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from groundray.engine.plan import Plan, make_plan
from groundray.engine.selection import Sampling
from groundray.engine.sources import open_source
from tests.engine.coco import Row, rows, write
from tests.engine.conversion.test_convert import assert_adds_up, examples, run, without_boxes


def plan_of(source: Path, rows_per_shard: int) -> Plan:
    return make_plan(open_source([str(source)]), Sampling(), rows_per_shard=rows_per_shard)


def spans(plan: Plan) -> list[list[tuple[int, int, int]]]:
    """(file, start, stop) of every part of every unit."""
    return [[(part.file, part.start, part.stop) for part in unit.parts] for unit in plan.units]


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
