"""Predictions of the backends that ship, from the command to the boxes."""

import json
from pathlib import Path
from typing import Any

import fsspec
import pytest

from groundray.engine import PredictionManifest, Runner, convert, predict
from groundray.formats.errors import ModelError
from tests.engine.coco import SAMPLE, rows, tree, write
from tests.engine.conversion.test_conversion_remote import remote_tree
from tests.engine.conversion.test_convert import examples
from tests.engine.prediction.test_predict import TELLER, checkpoint, lines, shards
from tests.models.asking import Paddle
from tests.models.tiny_training import Trained

LOCAL = Runner("local")


def predict_known(trained: Trained, output: Path, batch_size: int) -> PredictionManifest:
    """Asks the trained checkpoint about what it was trained on."""
    return predict(
        str(trained.converted),
        str(output),
        checkpoints=[str(trained.checkpoint)],
        format="qwen3-vl",
        split="train",
        batch_size=batch_size,
        max_new_tokens=128,
        rows_per_shard=4,
        runner=LOCAL,
    )[0]


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("default")
def test_what_a_checkpoint_was_trained_on_comes_back_exactly(
    trained_checkpoint: Trained, paddle: Paddle, tmp_path: Path
) -> None:
    for size in (1, 4, 8):
        place = tmp_path / str(size)
        paddle(predict_known, trained_checkpoint, place, size)
    name = trained_checkpoint.checkpoint.name
    first = shards(tmp_path / "1" / name)
    assert len(first) == 2
    assert shards(tmp_path / "4" / name) == shards(tmp_path / "8" / name) == first
    found, trained = lines(tmp_path / "1" / name), examples(trained_checkpoint.converted)
    assert [line["id"] for line in found] == [example["id"] for example in trained]
    for line, example in zip(found, trained, strict=True):
        assert [each["wire"] for each in line["predictions"]] == example["objects"]["bbox"]
        assert [each["category"] for each in line["predictions"]] == example["objects"]["ref"]
        assert (line["issues"], line["finish"]) == ([], "stop")


def test_a_server_that_fails_every_third_request_loses_nothing(
    chat_server: Any, tmp_path: Path
) -> None:
    chat = chat_server(fail_every=3)
    source = write(tmp_path / "in", {"val": rows(20)})
    options: dict[str, Any] = {
        "checkpoints": ["tiny"],
        "format": "qwen3-vl",
        "server": chat.url,
        "runner": LOCAL,
    }
    (manifest,) = predict(str(source), str(tmp_path / "out"), **options)
    found = lines(tmp_path / "out/tiny")
    assert [line["error"] for line in found] == [None] * 20
    assert all(line["text"].startswith("Task: Object Detection") for line in found)
    assert manifest.records.failed == 0


def test_a_prompt_that_a_server_refuses_costs_its_record(chat_server: Any, tmp_path: Path) -> None:
    convert(str(SAMPLE), str(tmp_path / "in"), formats=[], runner=LOCAL)
    chat = chat_server(poison={"cat or dog": "400"})
    options: dict[str, Any] = {"checkpoints": ["tiny"], "format": "qwen3-vl", "runner": LOCAL}
    predict(
        str(tmp_path / "in"),
        str(tmp_path / "out"),
        server=chat.url,
        prompt="cat or dog",
        **options,
    )
    errors = {line["error"] for line in lines(tmp_path / "out/tiny")}
    assert len(errors) == 1
    assert "this prompt is wrong" in errors.pop()


def test_a_server_that_refuses_at_last_stops_the_run_which_then_goes_on(
    chat_server: Any, tmp_path: Path
) -> None:
    source = write(tmp_path / "in", {"val": rows(40)})
    convert(str(source), str(tmp_path / "converted"), formats=[], runner=LOCAL)
    options: dict[str, Any] = {
        "checkpoints": ["tiny"],
        "format": "qwen3-vl",
        "batch_size": 4,
        "rows_per_shard": 8,
        "runner": LOCAL,
    }
    chat = chat_server(fail_every=25, fail_status=401)  # its key has run out, say
    place = str(tmp_path / "converted"), str(tmp_path / "out")
    with pytest.raises(ModelError):
        predict(*place, server=chat.url, **options)
    chat.stop()
    again = chat_server(port=chat.port)
    (manifest,) = predict(*place, server=chat.url, **options)
    assert (manifest.records.predicted, manifest.records.failed) == (40, 0)
    assert len(again.requests()) < 40


def test_malformed_answers_are_counted_and_cost_themselves(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"val": rows(6)})
    box = "<|object_ref_start|>cup<|object_ref_end|><|box_start|>(1,2),(3,4)<|box_end|>"
    said = [
        {"id": 1000, "text": box},
        {"id": "1001", "text": box[:-20]},
        {"id": "1002", "text": ""},
        {"id": "1003", "text": "Let me look at it. \ud800"},
        {"id": "1004", "text": box.replace("3", "9" * 400)},
    ]
    answers = tmp_path / "answers.jsonl"
    answers.write_text("\n".join([*map(json.dumps, said), "{not json", ""]))
    (manifest,) = predict(
        str(source),
        str(tmp_path / "out"),
        checkpoints=[str(answers)],
        format="qwen3-vl",
        runner=LOCAL,
    )
    found = {line["id"]: line for line in lines(tmp_path / "out/answers")}
    assert [each["wire"] for each in found["1000"]["predictions"]] == [[1, 2, 3, 4]]
    assert found["1001"]["issues"]
    assert found["1002"]["issues"] == found["1003"]["issues"] == ["unparsable"]
    assert found["1004"]["predictions"] == []
    assert "no answer" in found["1005"]["error"]
    assert manifest.answered_by[0]["faulty_lines"] == 1
    assert (manifest.records.predicted, manifest.records.failed) == (6, 1)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # botocore leaves sockets open
def test_predictions_are_made_from_a_bucket_to_a_bucket(bucket: str, tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"val": rows(10)})
    options: dict[str, Any] = {
        "checkpoints": [checkpoint(tmp_path)],
        "format": "qwen3-vl",
        "backend": "box-teller",
        "plugins": [TELLER],
        "rows_per_shard": 4,
        "runner": LOCAL,
    }
    convert(str(source), f"{bucket}/converted", formats=["qwen3-vl"], runner=LOCAL)
    predict(f"{bucket}/converted", f"{bucket}/out", **options)
    convert(str(source), str(tmp_path / "converted"), formats=["qwen3-vl"], runner=LOCAL)
    predict(str(tmp_path / "converted"), str(tmp_path / "out"), **options)
    assert remote_tree(f"{bucket}/out/teller") == tree(tmp_path / "out/teller")
    fs, root = fsspec.core.url_to_fs(f"{bucket}/out/teller/.groundray")
    fs.invalidate_cache()
    assert sorted(path.rsplit("/", 1)[-1] for path in fs.ls(root)) == [
        "commits",
        "run.json",
        "token",
    ]
