"""What a training finds to read, and what it refuses."""

import re
import shlex
from pathlib import Path

import fsspec
import orjson
import pytest

from groundray.engine import Runner, convert
from groundray.engine.training.data import find_training_data
from groundray.formats.errors import SourceError
from tests.engine.training.training_made import write_data

SAMPLE = Path(__file__).parents[2] / "data/coco_small_ccby"


def test_shards_are_found_split_by_split_in_order(tmp_path: Path) -> None:
    data = find_training_data(str(write_data(tmp_path / "made", train=6, shards=3)))
    assert data.format_name == "qwen3-vl"
    assert [path.name for path in data.shards["train"]] == [
        f"train-0000{number}-of-00003.jsonl" for number in range(3)
    ]
    assert list(data.shards) == ["train", "val"]
    assert data.examples is None


def test_a_conversion_says_how_many_examples_there_are(tmp_path: Path) -> None:
    convert(str(SAMPLE), str(tmp_path / "out"), formats=["qwen3-vl"], runner=Runner("local"))
    assert find_training_data(str(tmp_path / "out/qwen3-vl")).examples == 16
    with pytest.raises(SourceError, match=r"is a whole conversion; give one of its formats: .*vl"):
        find_training_data(str(tmp_path / "out"))


@pytest.mark.parametrize("mark", [" ", ",", "#"])
def test_a_path_that_the_trainer_would_split_is_refused(tmp_path: Path, mark: str) -> None:
    folder = write_data(tmp_path / f"a{mark}b")
    with pytest.raises(SourceError, match=re.escape(f"holds {mark!r}, at which the trainer")):
        find_training_data(str(folder))


def test_a_folder_without_train_says_what_is_there(tmp_path: Path) -> None:
    folder = write_data(tmp_path / "made", train=0)
    with pytest.raises(SourceError, match=r"no shards in a folder 'train' \(only val\)"):
        find_training_data(str(folder))
    with pytest.raises(SourceError, match="is no folder"):
        find_training_data(str(tmp_path / "nothing"))


def test_other_files_beside_the_shards_are_seen_and_left_out(tmp_path: Path) -> None:
    folder = write_data(tmp_path / "made")
    (folder / "train/notes.txt").write_text("the trainer would die of this")
    data = find_training_data(str(folder))
    assert data.strangers == (folder / "train/notes.txt",)
    assert len(data.shards["train"]) == 1


def test_data_at_a_url_is_refused_with_a_command_that_copies_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = write_data(tmp_path / "made")
    memory = fsspec.filesystem("memory")
    memory.put(str(tmp_path / "made") + "/", "/bucket/converted/", recursive=True)
    with pytest.raises(SourceError, match="the trainer reads files") as refused:
        find_training_data("memory://bucket/converted/qwen3-vl")
    command = next(line for line in str(refused.value).splitlines() if "python -c" in line)
    monkeypatch.chdir(tmp_path)
    exec(shlex.split(command)[2], {})  # noqa: S102  what a user would run
    copied = find_training_data("converted/qwen3-vl")
    assert copied.shards["train"][0].read_bytes() == next((made / "train").iterdir()).read_bytes()
    image = orjson.loads(copied.shards["train"][0].read_bytes().splitlines()[0])["images"][0]
    assert (copied.folder / "train" / image).is_file()
