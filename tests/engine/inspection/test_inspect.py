"""Inspect: what a data set holds and what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from groundray.engine.cli import main
from groundray.engine.inspection.inspect import inspect_source
from groundray.engine.inspection.inspection import ImageSizes, Split
from tests.engine.sources import makers
from tests.engine.sources.makers import pictures

SAMPLE = str(makers.SAMPLE)


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    made = makers.coco_modern()
    table = pa.Table.from_pylist(rows, schema=made.table.schema)
    makers.write(table, path, features=made.features)


def sample_rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = makers.coco_modern().table.to_pylist()
    return rows


def test_the_sample_is_counted() -> None:
    found = inspect_source(SAMPLE)
    assert found.splits == {
        "train": Split(files=2, rows=10, records=10, boxes=80),
        "val": Split(files=1, rows=6, records=6, boxes=31),
    }
    names = [name for picture in pictures() for name in picture.names]
    assert list(found.categories) == makers.class_names()
    assert found.categories["person"] == names.count("person")
    assert sum(found.categories.values()) == 111
    assert found.problems == ()
    assert found.unreadable == ()


def test_sizes_of_images_come_from_columns_or_else_from_headers(tmp_path: Path) -> None:
    found = inspect_source(SAMPLE).image_sizes
    widths = sorted(picture.width for picture in pictures())
    assert (found.known_from, found.images) == ("columns", 16)
    assert found.smallest is not None
    assert found.smallest[0] == widths[0]
    assert found.usual[0][2] == max(
        sum((p.width, p.height) == (q.width, q.height) for q in pictures()) for p in pictures()
    )
    made = makers.bccd()
    makers.write(made.table, tmp_path / "train.parquet", features=made.features)
    headers = inspect_source(str(tmp_path)).image_sizes
    assert headers.known_from == "headers"
    assert 0 < headers.images <= 16


def test_unknown_sizes_are_said_to_be(tmp_path: Path) -> None:
    made = makers.kangaroo()
    makers.write(made.table, tmp_path / "train.parquet")
    assert inspect_source(str(tmp_path), layout="voc").image_sizes == ImageSizes("nothing", 0)


def test_every_kind_of_problem_is_counted_with_its_place(tmp_path: Path) -> None:
    rows = sample_rows()
    width = rows[0]["width"]
    objects = rows[0]["objects"]
    objects["bbox"][0] = [5.0, 5.0, 5.0, 9.0]
    objects["bbox"][1] = [9.0, 5.0, 5.0, 9.0]
    rows[1]["objects"]["bbox"][0] = [float("nan"), 5.0, 5.0, 9.0]
    rows[1]["objects"]["category"][0] = 80
    rows[2]["objects"]["bbox"][0] = [width + 900.0, 5.0, width + 950.0, 9.0]
    rows[3]["objects"] = None
    rows[4]["objects"]["category"].append(1)
    rows[6]["image_id"] = rows[5]["image_id"]
    rows[7]["objects"]["bbox"][0] = [-5.0, 0.0, 10.0, 10.0]
    write_rows(tmp_path / "train-00000-of-00001.parquet", rows)
    write_rows(tmp_path / "val-00000-of-00001.parquet", sample_rows()[15:])
    (tmp_path / "train-00001.parquet").write_bytes(b"")
    found = inspect_source(str(tmp_path), layout="coco")
    problems = {problem.reason: problem for problem in found.problems}
    assert {reason: problem.count for reason, problem in problems.items()} == {
        "zero_area_box": 1,
        "inverted_box": 1,
        "not_finite_box": 1,
        "outside_box": 1,
        "overhanging_box": 1,
        "unknown_category": 1,
        "null_annotations": 1,
        "list_length_mismatch": 1,
        "repeated_id": 1,
        "id_in_two_splits": 1,
    }
    repeated = problems["repeated_id"].examples[0]
    assert (repeated.file, repeated.row) == ("train-00000-of-00001.parquet", 6)
    shared = problems["id_in_two_splits"].examples[0]
    assert (shared.file, shared.row) == ("val-00000-of-00001.parquet", 0)
    assert problems["null_annotations"].examples[0].row == 3
    assert [file.relative for file in found.unreadable] == ["train-00001.parquet"]


def test_a_file_whose_values_cannot_be_read_costs_only_itself(tmp_path: Path) -> None:
    write_rows(tmp_path / "train-0.parquet", sample_rows())
    write_rows(tmp_path / "train-1.parquet", sample_rows())
    path = tmp_path / "train-1.parquet"
    data = bytearray(path.read_bytes())
    data[4 : len(data) - 12_000] = b"\xff" * (len(data) - 12_004)
    path.write_bytes(data)
    found = inspect_source(str(tmp_path), layout="coco")
    assert found.splits["train"].files == 1
    ((relative, reason),) = found.unreadable
    assert relative == "train-1.parquet"
    assert reason.startswith("cannot be read")


def test_grounding_counts_records_and_no_categories(tmp_path: Path) -> None:
    schema = [
        ("question_id", pa.string()),
        ("image", makers.IMAGE),
        ("question", pa.string()),
        ("answer", pa.list_(pa.string())),
        ("bbox", pa.list_(pa.float64())),
    ]
    rows = [
        {
            "question_id": str(p.id),
            "image": p.struct,
            "question": "?",
            "answer": ["a", "b"],
            "bbox": p.xyxy[0],
        }
        for p in pictures()
    ]
    makers.write(makers.table_of(schema, rows), tmp_path / "testA-00000.parquet")
    found = inspect_source(str(tmp_path))
    assert found.splits == {"testA": Split(files=1, rows=16, records=32, boxes=32)}
    assert found.categories == {}


def test_the_command_prints_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", SAMPLE, "--json"]) == 0
    captured = capsys.readouterr()
    said = json.loads(captured.out)
    assert said["layout"]["boxes"] == ["objects.bbox"]
    assert said["splits"]["train"]["boxes"] == 80
    assert captured.err == ""
    assert str(makers.SAMPLE.parent) not in captured.out


def test_the_command_prints_what_a_person_wants_to_know(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["inspect", SAMPLE]) == 0
    out = capsys.readouterr().out
    assert "class names: 80 from dataset_infos.json" in out
    assert "convention: xyxy in pixels" in out
    assert "no problems found" in out


def test_the_command_says_what_is_wrong_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(tmp_path / "train.parquet", [{**sample_rows()[0], "objects": None}])
    (tmp_path / "train-1.parquet").write_bytes(b"")
    assert main(["inspect", str(tmp_path), "--layout", "coco"]) == 0
    out = capsys.readouterr().out
    assert "left out: train-1.parquet: the file is empty" in out
    assert "null_annotations" in out
    assert main(["inspect", str(tmp_path / "none")]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: no such file or folder")
    assert err.count("\n") == 1


def test_class_names_can_be_given_in_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = makers.float_labels()
    makers.write(made.table, tmp_path / "train.parquet")
    (tmp_path / "names.txt").write_text("\n".join(makers.class_names()) + "\n")
    names = str(tmp_path / "names.txt")
    assert main(["inspect", str(tmp_path), "--classes", names, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["categories"]["person"] > 0
