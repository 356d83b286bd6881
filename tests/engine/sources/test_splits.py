"""Splits by the names of files and folders."""

import pytest

from groundray.engine.sources.splits import find_splits


@pytest.mark.parametrize(
    ("relative", "split"),
    [
        ("train-00000-of-00040-67e35002d152155c.parquet", "train"),
        ("data/val-00000-of-00002-c4f2e391ee4aba11.parquet", "val"),
        ("data/validation-00000-of-00001.parquet", "val"),
        ("data/test-00000-of-00001.parquet", "test"),
        ("data/testA-00000-of-00001.parquet", "testA"),
        ("data/testB-00000-of-00001.parquet", "testB"),
        ("data/extra-00000-of-00001-d1f52547a9ed6cdf.parquet", "extra"),
        ("data/train2017-00000-of-00001.parquet", "train"),
        ("default/train/0000.parquet", "train"),
        ("default/validation/0000.parquet", "val"),
        ("default/testA/0000.parquet", "testA"),
        ("default/partial-train/0000.parquet", "train"),
        ("default/negatives/0000.parquet", "negatives"),
        ("data/train/0.parquet", "train"),
        ("data/train/part-00000.parquet", "train"),
        ("train.parquet", "train"),
        ("val_3.parquet", "val"),
        ("0000.parquet", "train"),
        ("part-00000-of-00010.parquet", "train"),
        ("data/0001.parquet", "train"),
        ("raccoon.parquet", "train"),
        ("val/raccoon.parquet", "val"),
        ("my set-00000-of-00001.parquet", "my_set"),
    ],
)
def test_split_of_a_single_file(relative: str, split: str) -> None:
    assert find_splits([relative], "coco") == [split]


def test_the_folder_of_an_input_says_it_where_nothing_else_does() -> None:
    assert find_splits(["0000.parquet"], "validation") == ["val"]
    assert find_splits(["0000.parquet"], "my data") == ["train"]
    assert find_splits(["train-00000-of-00001.parquet"], "validation") == ["train"]


def test_an_unknown_name_is_a_split_of_its_own_beside_known_ones() -> None:
    assert find_splits(["train.parquet", "holdout.parquet"], "d") == ["train", "holdout"]
    assert find_splits(["cats.parquet", "dogs.parquet"], "d") == ["train", "train"]
