"""Which records are drawn, through the whole of convert."""

import random
from pathlib import Path

import pytest

from tests.engine.coco import Row, rows, write
from tests.engine.conversion.test_convert import assert_adds_up, examples, run, without_boxes


def ids(output: Path, split: str) -> list[str]:
    return [e["id"] for e in examples(output, f"qwen3-vl/{split}")]


@pytest.fixture(scope="module")
def two_pools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {
        "train-00000-of-00002": rows(40),
        "train-00001-of-00002": rows(40, first_id=2000),
        "val-00000-of-00001": rows(30, first_id=9000),
        "test-00000-of-00001": rows(5, first_id=5000),
    }
    return write(tmp_path_factory.mktemp("pools") / "in", files, row_group_rows=15)


@pytest.fixture(scope="module")
def one_pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(
        tmp_path_factory.mktemp("pool") / "in",
        {"data-0": rows(60), "data-1": rows(40, first_id=5000)},
    )


def test_samples_come_from_train_and_val_alone(two_pools: Path, tmp_path: Path) -> None:
    manifest = run(two_pools, tmp_path / "out", samples=25, val_ratio=0.3)
    assert {k: v.records for k, v in manifest.splits.items()} == {"train": 18, "val": 7}
    assert manifest.records.not_chosen == {"not_sampled": 115 - 25}
    assert_adds_up(manifest)


def test_a_larger_sample_holds_the_smaller_one(two_pools: Path, tmp_path: Path) -> None:
    run(two_pools, tmp_path / "a", samples=10)
    run(two_pools, tmp_path / "b", samples=30)
    assert set(ids(tmp_path / "a", "train")) < set(ids(tmp_path / "b", "train"))


def test_seeds_draw_differently(two_pools: Path, tmp_path: Path) -> None:
    run(two_pools, tmp_path / "a", samples=20, seed=1)
    run(two_pools, tmp_path / "b", samples=20, seed=2)
    assert ids(tmp_path / "a", "train") != ids(tmp_path / "b", "train")


def test_a_draw_does_not_depend_on_how_rows_are_filed(tmp_path: Path) -> None:
    made = rows(50)
    one = write(tmp_path / "one", {"train": made})
    many = write(tmp_path / "many", {f"train-{i}": made[i::7] for i in range(7)}, row_group_rows=3)
    run(one, tmp_path / "a", samples=17)
    run(many, tmp_path / "b", samples=17)
    assert sorted(ids(tmp_path / "a", "train")) == sorted(ids(tmp_path / "b", "train"))


def test_a_single_pool_is_divided(one_pool: Path, tmp_path: Path) -> None:
    manifest = run(one_pool, tmp_path / "out", val_ratio=0.15, rows_per_shard=30)
    assert {k: v.records for k, v in manifest.splits.items()} == {"train": 85, "val": 15}
    train, val = ids(tmp_path / "out", "train"), ids(tmp_path / "out", "val")
    assert len({*train, *val}) == 100
    assert train == sorted(train)
    assert_adds_up(manifest)


def test_a_single_pool_is_sampled_and_divided(one_pool: Path, tmp_path: Path) -> None:
    manifest = run(one_pool, tmp_path / "out", samples=20, val_ratio=0.25)
    assert {k: v.records for k, v in manifest.splits.items()} == {"train": 15, "val": 5}


def test_fewer_records_than_asked_for_are_all_taken_with_a_warning(
    two_pools: Path, tmp_path: Path
) -> None:
    manifest = run(two_pools, tmp_path / "out", samples=1000, val_ratio=0.5)
    assert {k: v.records for k, v in manifest.splits.items()} == {"train": 80, "val": 30}
    assert manifest.warnings == (
        "asked for 500 train records, found 80: taking all of them",
        "asked for 500 val records, found 30: taking all of them",
    )


def test_a_repeated_id_takes_no_place_in_a_sample(tmp_path: Path) -> None:
    made = rows(20)
    source = write(tmp_path / "in", {"train-0": made, "train-1": made[:10]})
    manifest = run(source, tmp_path / "out", samples=20)
    assert manifest.records.written == 20
    assert manifest.records.rejected == {"duplicate_id": 10}
    assert_adds_up(manifest)


def script_draw(
    pools: dict[str, list[Row]], samples: int, ratio: float, seed: int
) -> dict[str, set[int]]:
    """What the usual script draws: pools of rows with a valid category, one generator."""
    count = {"val": int(samples * ratio)}
    count["train"] = samples - count["val"]
    random.seed(seed)
    drawn = {}
    for split in ("train", "val"):
        pool = [
            row["image_id"]
            for row in pools[split]
            if any(0 <= c < 80 for c in row["objects"]["category"])
        ]
        random.shuffle(pool)
        drawn[split] = set(pool[: count[split]])
    return drawn


@pytest.mark.parametrize("seed", [42, 7])
def test_shuffle_draws_what_the_usual_script_draws(tmp_path: Path, seed: int) -> None:
    train, val = rows(60), rows(25, first_id=9000)
    train[4] = without_boxes(train[4])
    train[9]["objects"]["category"] = [80] * len(train[9]["objects"]["category"])
    files = {"train-0": train[:33], "train-1": train[33:], "val-0": val}
    source = write(tmp_path / "in", files, row_group_rows=8)
    manifest = run(
        source, tmp_path / "out", sampling="shuffle", samples=40, val_ratio=0.2, seed=seed
    )
    drawn = script_draw({"train": train, "val": val}, 40, 0.2, seed)
    for split in ("train", "val"):
        assert {int(i) for i in ids(tmp_path / "out", split)} == drawn[split]
    assert_adds_up(manifest)
