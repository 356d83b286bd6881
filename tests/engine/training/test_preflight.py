"""The preflight: sound data counted, broken data found by file and line."""

import json
import tracemalloc
from pathlib import Path

import pytest
from PIL import Image

from groundray.engine.training.preflight import Preflight, check_data
from groundray.formats.errors import SourceError
from groundray.models.tiny import build_tiny
from tests.engine.training.training_made import example, plan, write_data, write_shard
from tests.models.asking import Paddle
from tests.models.test_trainer_reading import our_lengths


def check(data: Path, tmp_path: Path, *, sample: int | None = None) -> Preflight:
    """With a model that is not at hand: tokens are not counted."""
    return check_data(plan(data, tmp_path / "out"), sample=sample)


def check_with(model: Path, data: Path, output: Path, max_seq_len: int) -> Preflight:
    training = plan(
        data,
        output,
        model=str(model),
        gpus_per_node=0,
        settings={"max_seq_len": max_seq_len},
    )
    return check_data(training)


def shard_of(data: Path) -> Path:
    return data / "train/train-00000-of-00001.jsonl"


def test_sound_data_is_counted_and_has_no_error(tmp_path: Path) -> None:
    report = check(write_data(tmp_path / "made", train=5, val=2, shards=2), tmp_path)
    assert report.errors == []
    assert (report.splits["train"].examples, report.splits["val"].examples) == (5, 2)
    assert report.splits["train"].shards == 2
    assert report.splits["train"].labels == 1
    assert report.notes == [
        "tokens were not counted: 'Qwen/Qwen3-VL-8B-Instruct' is not on this machine yet"
    ]
    report.raise_for_errors()


def test_objects_are_measured_as_the_model_sees_them(tmp_path: Path) -> None:
    data = write_data(tmp_path / "made", train=1, val=0)
    # a box of 0.2 x 0.2 of an image of 1536 x 384, as large in area as 768 x 768: nothing is shrunk
    Image.new("RGB", (1536, 384)).save(tmp_path / "made/images/wide.jpg")
    # one of 3072 x 768 is four times as large: sides are halved
    Image.new("RGB", (3072, 768)).save(tmp_path / "made/images/large.jpg")
    write_shard(
        shard_of(data),
        [
            example("../../images/wide.jpg", width=1536, height=384),
            example("../../images/large.jpg", width=3072, height=768),
        ],
    )
    report = check(data, tmp_path)
    assert report.errors == []
    assert report.splits["train"].objects == 2
    assert report.splits["train"].smallest_px == pytest.approx(0.2 * 384, abs=0.5)
    assert report.splits["train"].small == 0


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"messages": [', "not_json"),
        (json.dumps(example("../../images/nowhere.jpg")), "missing_image"),
        (
            json.dumps(example("../../images/train-0.jpg", objects={})),
            "placeholders_unlike_objects",
        ),
        (json.dumps(example("../../images/train-0.jpg", width=201)), "size_unlike_image"),
    ],
)
def test_a_bad_line_is_named_by_file_and_line(tmp_path: Path, line: str, code: str) -> None:
    data = write_data(tmp_path / "made")
    sound = [example(f"../../images/train-{number}.jpg") for number in range(2)]
    write_shard(shard_of(data), [sound[0], "", line, sound[1]])
    (finding,) = check(data, tmp_path).errors
    assert (finding.code, finding.count) == (code, 1)
    assert finding.where == f"{shard_of(data)}:3"
    with pytest.raises(SourceError, match=rf"not fit to train on: {code} in 1 examples.*jsonl:3"):
        check(data, tmp_path).raise_for_errors()


def test_an_image_that_does_not_open_is_an_error(tmp_path: Path) -> None:
    data = write_data(tmp_path / "made")
    whole = (tmp_path / "made/images/train-1.jpg").read_bytes()
    (tmp_path / "made/images/train-1.jpg").write_bytes(whole[: len(whole) // 2])
    (finding,) = check(data, tmp_path).errors
    assert (finding.code, finding.where) == ("broken_image", f"{shard_of(data)}:2")


def test_a_lost_shard_is_seen_by_the_manifest(tmp_path: Path) -> None:
    data = write_data(tmp_path / "made", train=4, val=0, shards=2)
    manifest = {"formats": {"qwen3-vl": {"examples": 4}}}
    (tmp_path / "made/manifest.json").write_text(json.dumps(manifest))
    assert check(data, tmp_path).errors == []
    (data / "test").mkdir()
    (data / "train/train-00001-of-00002.jsonl").rename(data / "test/test-00000-of-00001.jsonl")
    assert check(data, tmp_path).errors == []
    (data / "test/test-00000-of-00001.jsonl").unlink()
    (finding,) = check(data, tmp_path).errors
    assert finding.code == "count_unlike_manifest"
    assert finding.detail == "2 lines here, 4 examples in the conversion's manifest"


def test_data_without_an_example_is_an_error(tmp_path: Path) -> None:
    data = write_data(tmp_path / "made")
    write_shard(shard_of(data), [])
    assert [finding.code for finding in check(data, tmp_path).errors] == ["no_examples"]


def test_every_line_is_checked_and_a_sample_examined(tmp_path: Path) -> None:
    data = write_data(tmp_path / "made", train=10)
    report = check(data, tmp_path, sample=3)
    assert (report.splits["train"].examples, report.splits["train"].examined) == (10, 3)
    with (shard_of(data)).open("a") as file:
        file.write("{}\n")
    assert [finding.code for finding in check(data, tmp_path, sample=1).errors] == ["no_messages"]


@pytest.mark.timeout(300)
def test_lengths_are_those_of_the_trainer_and_say_what_to_do(
    tmp_path: Path, paddle: Paddle
) -> None:
    data = write_data(tmp_path / "made", train=3)
    long = {"ref": ["cat"] * 40, "bbox": [[100, 100, 300, 300]] * 40}
    answer = [
        {"role": "user", "content": "<image>Task: Object Detection"},
        {"role": "assistant", "content": ", ".join(["<ref-object><bbox>"] * 40)},
    ]
    made = [example(f"../../images/train-{number}.jpg") for number in range(3)]
    made[2] |= {"objects": long, "messages": answer}
    write_shard(shard_of(data), made)
    paddle(build_tiny, tmp_path / "tiny")
    lengths = paddle(our_lengths, tmp_path / "tiny", "qwen3_vl_nothink", shard_of(data))
    limit = max(lengths.values()) - 1
    report = paddle(check_with, tmp_path / "tiny", data, tmp_path / "out", limit)
    train = report.splits["train"]
    assert train.tokens_max == report.keeps_99 == max(lengths.values())
    assert train.tokens_median == sorted(lengths.values())[1]
    assert train.too_long == 1
    assert report.errors == []
    warned = {finding.code: finding.detail for finding in report.findings}
    assert f"{max(lengths.values()):,} would keep 99 %" in warned["too_long"]
    assert report.steps_per_epoch == 1
    assert report.notes == []
    report.raise_for_errors()
    nothing = paddle(
        check_with, tmp_path / "tiny", data, tmp_path / "out", min(lengths.values()) - 1
    )
    with pytest.raises(SourceError, match=f"nothing would be trained; .*={max(lengths.values())} "):
        nothing.raise_for_errors()
    assert [(each.code, each.count) for each in nothing.errors] == [("all_too_long", 3)]
    assert not [
        each for each in nothing.findings if each.where == f"{data}/train" and not each.is_error
    ]


@pytest.mark.untraced
def test_memory_does_not_grow_with_the_data(tmp_path: Path) -> None:
    peaks = []
    for times in (20, 80):
        data = write_data(tmp_path / f"{times}", train=1, val=0)
        write_shard(shard_of(data), [example("../../images/train-0.jpg")] * (200 * times))
        peaks.append(min(peak(data, tmp_path, 200 * times) for _ in range(2)))
    assert peaks[1] < peaks[0] + 300_000


def peak(data: Path, tmp_path: Path, examples: int) -> int:
    """Bytes of a check; once in a process's life its table of interned names grows meanwhile."""
    tracemalloc.start()
    assert check(data, tmp_path, sample=50).splits["train"].examples == examples
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def test_the_report_is_a_file(tmp_path: Path) -> None:
    report = check(write_data(tmp_path / "made"), tmp_path)
    assert json.loads(report.to_json())["splits"]["train"]["examples"] == 3
