import json
import math
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from groundray.engine import PredictionManifest, Runner, convert, predict
from groundray.formats.errors import FormatError, ModelError, OutputError, SourceError
from tests.engine.coco import SAMPLE, rows, tree, write
from tests.engine.conversion.test_conversion_plugins import declared

LOCAL = Runner("local")
TELLER = str(Path(__file__).with_name("box_teller.py"))


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 records in val, in one truth file."""
    folder = tmp_path_factory.mktemp("converted")
    source = write(folder / "in", {"val": rows(60)})
    convert(str(source), str(folder / "out"), formats=["qwen3-vl"], keep_empty=True, runner=LOCAL)
    return folder / "out"


def checkpoint(folder: Path, name: str = "teller", **script: Any) -> str:
    path = folder / name
    path.write_text(json.dumps(script))
    return str(path)


def run(
    source: Path | str, output: Path | str, *checkpoints: str, **options: Any
) -> PredictionManifest:
    defaults: dict[str, Any] = {
        "format": "qwen3-vl",
        "backend": "box-teller",
        "plugins": [TELLER],
        "runner": LOCAL,
        "rows_per_shard": 16,
    }
    return predict(str(source), str(output), checkpoints=checkpoints, **defaults | options)[0]


def lines(folder: Path) -> list[dict[str, Any]]:
    """Predictions of all shards, in order."""
    paths = sorted(p for p in folder.rglob("*.jsonl") if ".groundray" not in p.parts)
    return [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]


def shards(folder: Path) -> dict[str, bytes]:
    return {path: data for path, data in tree(folder).items() if path.endswith(".jsonl")}


def asked(log: Path) -> Counter[str]:
    return Counter(log.read_text().split()) if log.exists() else Counter()


def test_every_record_is_asked_once_and_stands_beside_its_exact_boxes(
    converted: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    manifest = run(converted, tmp_path / "out", checkpoint(tmp_path, log=str(log)))
    found = lines(tmp_path / "out/teller")
    truth = pq.read_table(converted / "truth/val/val-00000.parquet").to_pylist()
    assert [line["id"] for line in found] == [row["id"] for row in truth]
    assert set(asked(log).values()) == {1}
    for line, row in zip(found, truth, strict=True):
        columns = (row["category"], row["xyxy"], row["area"], row["iscrowd"])
        assert line["targets"] == [
            {"category": name, "xyxy": xyxy, "area": area, "iscrowd": crowd}
            for name, xyxy, area, crowd in zip(*columns, strict=True)
        ]
        image = (tmp_path / "out/teller/val" / line["image"]).resolve()
        pixels = np.asarray(Image.open(image).convert("RGB"))
        (prediction,) = line["predictions"]
        assert prediction["category"] == f"{row['width']}x{row['height']}"
        x2 = int(pixels.mean()) * 2 / 1000 * row["width"]
        assert prediction["xyxy"] == pytest.approx([0, 0, x2, row["height"]])
    assert manifest.records.read == manifest.records.predicted == 60
    assert manifest.boxes == {
        "predicted": 60,
        "targets": sum(len(row["xyxy"]) for row in truth),
    }
    assert manifest.shards.files == 4


def test_an_input_that_was_not_converted_gives_the_same_predictions(tmp_path: Path) -> None:
    convert(str(SAMPLE), str(tmp_path / "in"), formats=["qwen3-vl"], keep_empty=True, runner=LOCAL)
    run(tmp_path / "in", tmp_path / "a", checkpoint(tmp_path))
    run(SAMPLE, tmp_path / "b", checkpoint(tmp_path))
    first, second = lines(tmp_path / "a/teller"), lines(tmp_path / "b/teller")
    assert first
    for name, found in (("a", first), ("b", second)):
        for line in found:
            assert (tmp_path / name / "teller/val" / line.pop("image")).resolve().is_file()
    assert first == second
    truth = {path for path in tree(tmp_path / "b/data") if path.startswith("truth/")}
    assert truth == {"truth/val/val-00000.parquet"}  # train was not asked for


@pytest.mark.parametrize("size", [1, 4, 8, None])
def test_the_batch_size_changes_no_answer(
    converted: Path, tmp_path: Path, size: int | None
) -> None:
    run(converted, tmp_path / "a", checkpoint(tmp_path))
    run(converted, tmp_path / "b", checkpoint(tmp_path), batch_size=size)
    assert shards(tmp_path / "a/teller") == shards(tmp_path / "b/teller")


def test_a_finished_run_asks_nothing_again(converted: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    asking = checkpoint(tmp_path, log=str(log))
    run(converted, tmp_path / "out", asking)
    before = tree(tmp_path / "out")
    run(converted, tmp_path / "out", asking)
    assert tree(tmp_path / "out") == before
    assert set(asked(log).values()) == {1}


def test_another_checkpoint_of_the_same_name_is_refused(converted: Path, tmp_path: Path) -> None:
    run(converted, tmp_path / "out", checkpoint(tmp_path))
    changed = checkpoint(tmp_path, silent=["1003"])
    with pytest.raises(OutputError, match=r"checkpoint_digest: .* there, .* now"):
        run(converted, tmp_path / "out", changed)
    run(converted, tmp_path / "out", changed, overwrite=True)
    assert lines(tmp_path / "out/teller")[3]["text"] == ""


def test_several_checkpoints_each_have_a_folder(converted: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    paths = [checkpoint(tmp_path / name, "step-20") for name in ("a", "b")]
    run(converted, tmp_path / "out", *paths, limit=5)
    first, second = (lines(tmp_path / f"out/{name}-step-20") for name in ("a", "b"))
    assert [line["checkpoint"] for line in (*first, *second)] == ["a-step-20"] * 5 + [
        "b-step-20"
    ] * 5
    assert [line["id"] for line in first] == [line["id"] for line in second]


def test_a_limit_draws_from_the_whole_split(converted: Path, tmp_path: Path) -> None:
    manifest = run(converted, tmp_path / "out", checkpoint(tmp_path), limit=10)
    ids = [int(line["id"]) for line in lines(tmp_path / "out/teller")]
    assert len(ids) == 10
    assert ids == sorted(ids)
    assert ids != list(range(1000, 1010))
    assert manifest.records.not_chosen == {"not_sampled": 50}


def test_what_goes_wrong_with_a_record_costs_that_record(converted: Path, tmp_path: Path) -> None:
    script: dict[str, Any] = {"raise": ["1001"], "oom": ["1007"], "silent": ["1009"]}
    asking = checkpoint(tmp_path, **script)
    manifest = run(converted, tmp_path / "out", asking)
    found = {line["id"]: line for line in lines(tmp_path / "out/teller")}
    assert {k: v["error"] for k, v in found.items() if v["error"]} == {
        "1001": "ZeroDivisionError: a bug of the backend",
        "1007": "out of memory: too large",
    }
    assert found["1001"]["targets"]  # its boxes count as missed
    assert (found["1009"]["text"], found["1009"]["error"]) == ("", None)
    assert found["1009"]["issues"]
    assert (manifest.records.predicted, manifest.records.failed) == (60, 2)


def test_a_batch_without_room_is_halved(converted: Path, tmp_path: Path) -> None:
    run(converted, tmp_path / "a", checkpoint(tmp_path))
    run(converted, tmp_path / "b", checkpoint(tmp_path, "small", room=3), batch_size=16)
    first, second = lines(tmp_path / "a/teller"), lines(tmp_path / "b/small")
    assert [line["text"] for line in first] == [line["text"] for line in second]
    assert not [line for line in second if line["error"]]


def test_a_bad_image_becomes_a_prediction_with_an_error(tmp_path: Path) -> None:
    made = rows(6)
    made[1]["image"] = {"bytes": b"no image", "path": None}
    made[3]["image"] = None
    source = write(tmp_path / "in", {"val": made})
    run(source, tmp_path / "out", checkpoint(tmp_path))
    found = lines(tmp_path / "out/teller")
    errors = {line["id"]: line["error"].split(":")[0] for line in found if line["error"]}
    assert errors == {"1001": "not_an_image", "1003": "empty_image"}
    targets = [len(line["targets"]) for line in found]
    assert targets == [len(row["objects"]["bbox"]) for row in made]


def test_an_image_that_is_gone_costs_its_record(tmp_path: Path) -> None:
    convert(str(SAMPLE), str(tmp_path / "in"), formats=[], runner=LOCAL)
    gone = min((tmp_path / "in/images/val-00000").iterdir())
    gone.unlink()
    run(tmp_path / "in", tmp_path / "out", checkpoint(tmp_path))
    errors = [line["error"] for line in lines(tmp_path / "out/teller") if line["error"]]
    assert errors == [f"missing_image: {gone.name}: No such file or directory"]


def test_scores_are_the_mean_probability_of_the_tokens_of_a_box(
    converted: Path, tmp_path: Path
) -> None:
    run(converted, tmp_path / "out", checkpoint(tmp_path), logprobs=True, limit=3)
    for line in lines(tmp_path / "out/teller"):
        assert line["predictions"][0]["score"] == pytest.approx(math.exp(-0.25))


def test_what_the_data_was_converted_with_is_asked(tmp_path: Path) -> None:
    options: dict[str, Any] = {"prompt": "Find {classes}.", "system": "Be exact."}
    convert(str(SAMPLE), str(tmp_path / "in"), formats=["qwen3-vl"], runner=LOCAL, **options)
    manifest = run(tmp_path / "in", tmp_path / "out", checkpoint(tmp_path))
    assert manifest.configuration["prompt"] == "Find {classes}."
    assert manifest.configuration["system"] == "Be exact."


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"format": "qwen3vl"}, FormatError, "did you mean 'qwen3-vl'"),
        ({"backend": "box-teler"}, ModelError, "did you mean 'box-teller'"),
        ({"split": "test"}, SourceError, "has no split 'test'; it has val"),
        ({"limit": 0}, SourceError, "--limit 0"),
        ({"batch_size": 0}, ModelError, "--batch-size 0"),
        ({"batch_size": 17}, ModelError, "takes 16 at most"),
        ({"max_new_tokens": 0}, ModelError, "--max-new-tokens 0"),
        ({"max_pixels": 0}, ModelError, "--max-pixels 0"),
        ({"rows_per_shard": 0}, SourceError, "--rows-per-shard 0"),
        ({"prompt": "<image>"}, FormatError, "another image"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(
    converted: Path,
    tmp_path: Path,
    options: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        run(converted, tmp_path / "out", checkpoint(tmp_path), **options)
    assert not (tmp_path / "out").exists()


def test_a_declared_format_is_kept_with_its_answers(converted: Path, tmp_path: Path) -> None:
    path = declared(tmp_path, "kept-with-answers")
    told = run(converted, tmp_path / "out", checkpoint(tmp_path), format=path)
    assert (told.format, told.declaration) == ("kept-with-answers", Path(path).read_text())
    told = run(converted, tmp_path / "other", checkpoint(tmp_path), plugins=[TELLER, path])
    assert (told.format, told.declaration) == ("qwen3-vl", None)


def test_a_checkpoint_that_cannot_be_used_fails_once(converted: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no checkpoint at"):
        run(converted, tmp_path / "out", str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match="not those of the file"):
        run(converted, tmp_path / "out", checkpoint(tmp_path, cannot_load=True))


def test_a_checkpoint_that_kills_its_loader_is_named_and_then_tried_again(
    converted: Path, tmp_path: Path
) -> None:
    command = arguments(converted, tmp_path / "out", checkpoint(tmp_path, dies_loading=True))
    ends = []
    for _ in range(5):
        process = start(*command, "--runner", "local")
        _, told = process.communicate(timeout=60)
        ends.append(process.returncode)
        if process.returncode == 1:
            assert "3 processes died while they loaded" in told
    assert ends == [-signal.SIGKILL] * 3 + [1, -signal.SIGKILL]


def start(*arguments: str) -> subprocess.Popen[str]:
    """The command in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "groundray.engine", "predict", *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def arguments(converted: Path, output: Path, asking: str, *more: str) -> list[str]:
    fixed = f"--format qwen3-vl --backend box-teller --plugin {TELLER} --rows-per-shard 16"
    return [str(converted), str(output), "--checkpoint", asking, *fixed.split(), *more]


def test_a_record_that_kills_every_process_is_given_up(converted: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = arguments(
        converted, tmp_path / "out", checkpoint(tmp_path, log=str(log), kill=["1020"])
    )
    ends: list[int] = []
    while not ends or ends[-1] == -signal.SIGKILL:
        process = start(*command, "--runner", "local")
        ends.append(process.wait(60))
        if process.stderr is not None:
            process.stderr.close()
    assert ends == [-signal.SIGKILL] * 4 + [0]
    errors = {line["id"]: line["error"] for line in lines(tmp_path / "out/teller") if line["error"]}
    assert errors == {"1020": "gave up: 2 processes died while they answered this"}
    again = {identity: times for identity, times in asked(log).items() if times > 1}
    assert len(again) <= 3  # no more than its batch
