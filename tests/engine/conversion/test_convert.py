import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from groundray.engine import Manifest, Runner, convert
from groundray.engine.conversion.convert import Progress
from groundray.formats.errors import (
    ChangedError,
    FormatError,
    LayoutError,
    OutputError,
    RejectsError,
    SourceError,
)
from tests.engine.coco import SAMPLE, Row, rows, tree, with_box, write

LOCAL = Runner("local")


def run(source: Path | str, output: Path | str, **options: Any) -> Manifest:
    defaults: dict[str, Any] = {"formats": ["qwen3-vl"], "runner": LOCAL, "max_reject_ratio": 1.0}
    return convert(str(source), str(output), **defaults | options)


def examples(output: Path, format_name: str = "qwen3-vl") -> list[dict[str, Any]]:
    """Examples of all shards of a format, in order."""
    lines = [
        line
        for path in sorted((output / format_name).rglob("*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]
    return [json.loads(line) for line in lines]


def rejects(output: Path) -> list[dict[str, Any]]:
    paths = sorted((output / "rejects").rglob("*.jsonl")) if (output / "rejects").exists() else []
    return [json.loads(line) for p in paths for line in p.read_text("utf-8").splitlines()]


def assert_adds_up(manifest: Manifest) -> None:
    """Rows, records and boxes: everything read went somewhere, once."""
    for account in (manifest.rows, manifest.records, manifest.boxes):
        assert account.read == (
            account.written
            + sum(account.not_chosen.values())
            + sum(account.rejected.values())
            + sum(account.dropped.values())
        )


def test_the_sample_is_written_as_the_trainer_reads_it(tmp_path: Path) -> None:
    manifest = run(SAMPLE, tmp_path / "out", formats=["qwen3-vl", "ernie-4.5-vl", "glm-4.5v"])
    assert {k: (v.records, v.shards) for k, v in manifest.splits.items()} == {
        "train": (10, 1),
        "val": (6, 1),
    }
    assert manifest.boxes.written == 111
    assert_adds_up(manifest)
    first = examples(tmp_path / "out")[0]
    # row 0 of the first train file: image 24577 of 640x480, and its two boxes, by hand
    table = pq.read_table(next((SAMPLE / "data").glob("train-00000*"))).to_pylist()
    row = table[0]
    width, height = row["width"], row["height"]
    grid = [
        [
            min(max(round(v / s * 1000), 0), 1000)
            for v, s in zip(box, (width, height) * 2, strict=True)
        ]
        for box in row["objects"]["bbox"]
    ]
    assert first["objects"]["bbox"] == grid
    assert first["id"] == str(row["image_id"])
    assert (first["width"], first["height"]) == (width, height)
    assert first["images"] == [f"../../images/train-00000/{row['image_id']:012d}.jpg"]
    assert [m["role"] for m in first["messages"]] == ["system", "user", "assistant"]
    assert first["messages"][1]["content"] == "<image>Task: Object Detection"
    assert first["messages"][2]["content"] == ", ".join(["<ref-object><bbox>"] * len(grid))
    image = (tmp_path / "out/qwen3-vl/train" / first["images"][0]).resolve()
    assert image.read_bytes() == row["image"]["bytes"]


def test_format_folders_hold_nothing_but_shards(tmp_path: Path) -> None:
    run(SAMPLE, tmp_path / "out", formats=["qwen3-vl", "glm-4.5v"])
    for name in ("qwen3-vl", "glm-4.5v"):
        assert sorted(p.name for p in (tmp_path / "out" / name).rglob("*") if p.is_file()) == [
            "train-00000-of-00001.jsonl",
            "val-00000-of-00001.jsonl",
        ]


def test_truth_holds_the_exact_boxes(tmp_path: Path) -> None:
    run(SAMPLE, tmp_path / "out")
    truth = pq.read_table(tmp_path / "out/truth/val/val-00000.parquet").to_pylist()
    source = pq.read_table(next((SAMPLE / "data").glob("val-*"))).to_pylist()
    assert [t["id"] for t in truth] == [str(s["image_id"]) for s in source]
    assert [t["area"] for t in truth] == [s["objects"]["area"] for s in source]
    for target, row in zip(truth, source, strict=True):
        assert target["xyxy"] == row["objects"]["bbox"]
        assert (tmp_path / "out/truth/val" / target["image"]).resolve().is_file()


FAULTS: dict[str, tuple[str, Callable[[Row], Row]]] = {
    "no_such_jpeg": (
        "not_an_image",
        lambda row: {**row, "image": {"bytes": b"x" * 99, "path": None}},
    ),
    "cut_jpeg": (
        "truncated_image",
        lambda row: {**row, "image": {"bytes": row["image"]["bytes"][:9000], "path": None}},
    ),
    "zero_bytes": ("empty_image", lambda row: {**row, "image": {"bytes": b"", "path": None}}),
    "null_bytes": ("null_image", lambda row: {**row, "image": {"bytes": None, "path": None}}),
    "null_image": ("null_image", lambda row: {**row, "image": None}),
    "null_objects": ("null_annotations", lambda row: {**row, "objects": None}),
    "no_categories": (
        "list_length_mismatch",
        lambda row: {**row, "objects": {**row["objects"], "category": []}},
    ),
    "uneven_lists": (
        "list_length_mismatch",
        lambda row: {**row, "objects": {**row["objects"], "bbox": row["objects"]["bbox"][:-1]}},
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_row_costs_only_itself_and_is_named(tmp_path: Path, name: str) -> None:
    reason, spoil = FAULTS[name]
    good = rows(6)
    bad = [*good[:3], spoil(good[3]), *good[4:]]
    manifest = run(write(tmp_path / "in", {"train": bad}), tmp_path / "out")
    assert [e["id"] for e in examples(tmp_path / "out")] == ["1000", "1001", "1002", "1004", "1005"]
    (reject,) = rejects(tmp_path / "out")
    assert (reject["file"], reject["row"], reject["id"]) == ("data/train.parquet", 3, "1003")
    assert reject["reason"] == reason
    assert manifest.records.rejected == {reason: 1}
    assert_adds_up(manifest)


def test_dead_boxes_are_dropped_and_overhanging_ones_clipped(tmp_path: Path) -> None:
    (row,) = rows(1)
    width, height = row["width"], row["height"]
    boxes = [
        [10, 20, 110, 120],
        [float("nan"), 20, 110, 120],
        [10, 20, 110, float("inf")],
        [110, 20, 10, 120],
        [10, 20, 10, 120],
        [width + 5, 20, width + 50, 120],
        [width - 50, height - 40, width + 20, height + 9],
    ]
    count = len(boxes)
    row["objects"] = {
        "bbox_id": list(range(count)),
        "category": [0] * count,
        "bbox": boxes,
        "area": [1.0] * count,
    }
    extra = with_box(rows(2)[1], 0, [1, 2, 3, 4])
    extra["objects"]["category"][0] = 80
    source = write(tmp_path / "in", {"train": [row, extra]})
    manifest = run(source, tmp_path / "out", layout="coco")
    assert manifest.boxes.dropped == {
        "inverted": 1,
        "not_finite": 2,
        "outside": 1,
        "unknown_category": 1,
        "zero_area": 1,
    }
    assert manifest.boxes.clipped == 1
    assert_adds_up(manifest)
    truth = pq.read_table(tmp_path / "out/truth/train/train-00000.parquet").to_pylist()
    assert truth[0]["xyxy"] == [[10, 20, 110, 120], [width - 50, height - 40, width, height]]


def test_a_record_without_a_usable_box_is_rejected(tmp_path: Path) -> None:
    good = rows(4)
    dead = {**good[1], "objects": {**good[1]["objects"]}}
    dead["objects"]["bbox"] = [[5.0, 5.0, 5.0, 9.0]] * len(dead["objects"]["bbox"])
    source = write(tmp_path / "in", {"train": [good[0], dead, *good[2:]]})
    manifest = run(source, tmp_path / "out", layout="coco")
    assert manifest.records.rejected == {"no_usable_box": 1}
    assert "zero_area" in rejects(tmp_path / "out")[0]["detail"]
    assert_adds_up(manifest)


def without_boxes(row: Row) -> Row:
    return {**row, "objects": {"bbox_id": [], "category": [], "bbox": [], "area": []}}


def test_images_without_boxes_are_left_out_unless_kept(tmp_path: Path) -> None:
    made = rows(5)
    made[2] = without_boxes(made[2])
    source = write(tmp_path / "in", {"train": made})
    left_out = run(source, tmp_path / "out")
    assert left_out.records.not_chosen == {"no_boxes": 1}
    assert_adds_up(left_out)
    kept = run(source, tmp_path / "kept", keep_empty=True, formats=["qwen3-vl", "glm-4.5v"])
    assert kept.records.written == 5
    assert_adds_up(kept)
    words = examples(tmp_path / "kept")[2]["messages"][-1]["content"]
    assert words == "None"


def test_duplicate_ids_after_the_first_are_rejected_across_files_and_splits(
    tmp_path: Path,
) -> None:
    train, val = rows(4), rows(3, first_id=2000)
    train[3]["image_id"] = train[0]["image_id"]
    val[1]["image_id"] = train[1]["image_id"]
    source = write(tmp_path / "in", {"train": train, "val": val})
    manifest = run(source, tmp_path / "out")
    assert manifest.records.rejected == {"duplicate_id": 2}
    assert [(r["file"], r["row"]) for r in rejects(tmp_path / "out")] == [
        ("data/train.parquet", 3),
        ("data/val.parquet", 1),
    ]
    assert_adds_up(manifest)


def test_a_bad_file_costs_only_itself(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {f"train-{i}": rows(3, first_id=i * 10) for i in range(4)})
    data = source / "data"
    whole = (data / "train-0.parquet").read_bytes()
    (data / "train-1.parquet").write_bytes(whole[:-64] + b"\0" * 64)
    (data / "train-2.parquet").write_bytes(whole[: len(whole) // 2])
    (data / "train-4.parquet").write_bytes(b"")
    manifest = run(source, tmp_path / "out")
    assert [file.path for file in manifest.unreadable_files] == [
        "data/train-1.parquet",
        "data/train-2.parquet",
        "data/train-4.parquet",
    ]
    assert manifest.records.written == 6
    assert_adds_up(manifest)


def test_on_error_raise_stops_at_the_first_bad_record(tmp_path: Path) -> None:
    made = rows(4)
    made[2]["image"] = {"bytes": b"x" * 99, "path": None}
    source = write(tmp_path / "in", {"train": made})
    with pytest.raises(Exception, match=r"data/train.parquet, row 2, id '1002': not_an_image"):
        run(source, tmp_path / "out", on_error="raise")


def test_too_many_rejects_fail_the_run_after_it_has_finished(tmp_path: Path) -> None:
    made = rows(4)
    made[2]["image"] = {"bytes": b"x" * 99, "path": None}
    source = write(tmp_path / "in", {"train": made})
    for _ in range(2):  # a finished run that failed so fails so again
        with pytest.raises(RejectsError, match=r"1 of 4 records .*not_an_image 1"):
            run(source, tmp_path / "out", max_reject_ratio=0.1)
    assert len(examples(tmp_path / "out")) == 3
    assert (tmp_path / "out/manifest.json").exists()


def test_a_label_that_would_corrupt_one_format_is_refused_by_that_format_alone(
    tmp_path: Path,
) -> None:
    names = [f"class {i}" for i in range(80)]
    made = rows(3)
    names[made[1]["objects"]["category"][0]] = "<bbox>"
    for row in (made[0], made[2]):
        row["objects"]["category"] = [79] * len(row["objects"]["category"])
    source = write(tmp_path / "in", {"train": made})
    manifest = run(
        source,
        tmp_path / "out",
        classes=names,
        formats=["qwen3-vl", "qwen3-vl-json"],
        prompt="Find.",
    )
    assert manifest.formats["qwen3-vl"].rejected == {"label": 1}
    assert manifest.records.written == 3
    assert {(r["format"], r["id"]) for r in rejects(tmp_path / "out")} >= {("qwen3-vl", "1001")}


def test_prompts_name_all_classes_or_those_present(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"train": rows(2)})
    run(source, tmp_path / "a", prompt="Find: {classes}.", system="")
    users = [e["messages"][0] for e in examples(tmp_path / "a")]
    assert all(user["content"].startswith("<image>Find: person, bicycle, car,") for user in users)
    assert users[0]["content"].endswith("hair drier, toothbrush.")
    run(source, tmp_path / "b", prompt="Find: {classes}.", prompt_classes="present")
    for example in examples(tmp_path / "b"):
        named = example["messages"][1]["content"].removeprefix("<image>Find: ").removesuffix(".")
        assert set(named.split(", ")) == set(example["objects"]["ref"])


def test_only_some_classes_are_kept(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"train": rows(16)})
    manifest = run(source, tmp_path / "out", only=["person", "dog"])
    refs = Counter(ref for e in examples(tmp_path / "out") for ref in e["objects"]["ref"])
    assert set(refs) <= {"person", "dog"}
    assert refs["person"] > 0
    assert manifest.records.not_chosen["no_known_category"] > 0
    assert_adds_up(manifest)


def test_long_runs_are_cut_into_even_shards(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"train": rows(25), "val": rows(4, first_id=9000)})
    manifest = run(source, tmp_path / "out", rows_per_shard=8)
    assert manifest.splits["train"].shards == 3
    sizes = [
        len(path.read_text("utf-8").splitlines())
        for path in sorted((tmp_path / "out/qwen3-vl/train").iterdir())
    ]
    assert sizes == [8, 8, 9]
    assert [e["id"] for e in examples(tmp_path / "out")][:25] == [str(1000 + i) for i in range(25)]


def test_a_finished_run_does_nothing(tmp_path: Path) -> None:
    run(SAMPLE, tmp_path / "out")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*") if p.is_file()}
    reports: list[int] = []
    run(SAMPLE, tmp_path / "out", on_progress=lambda p: reports.append(p.units_done))
    after = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*") if p.is_file()}
    changed = {p.name for p in before if before[p] != after[p]}
    assert changed <= {"lock", "token"}
    assert reports == []


def test_another_configuration_needs_overwrite(tmp_path: Path) -> None:
    run(SAMPLE, tmp_path / "out")
    with pytest.raises(OutputError, match="samples"):
        run(SAMPLE, tmp_path / "out", samples=5)
    run(SAMPLE, tmp_path / "out", samples=5, overwrite=True)
    assert len(examples(tmp_path / "out")) == 5
    run(SAMPLE, tmp_path / "fresh", samples=5)
    assert tree(tmp_path / "out") == tree(tmp_path / "fresh")


def test_the_manifest_names_no_place_of_this_machine(tmp_path: Path) -> None:
    made = rows(3)
    made[1]["image"] = None
    run(write(tmp_path / "in", {"train": made}), tmp_path / "out")
    for path in ("manifest.json", "rejects/train-00000.jsonl"):
        assert str(tmp_path) not in (tmp_path / "out" / path).read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"splits": ["vall"]}, SourceError, "has no split 'vall'; it has train, val"),
        ({"formats": ["qwen3vl"]}, FormatError, "did you mean 'qwen3-vl'"),
        ({"formats": ["qwen3-vl", "qwen3-vl"]}, FormatError, "asked for twice"),
        ({"samples": 0}, SourceError, "--samples 0"),
        ({"val_ratio": 1.5}, SourceError, "--val-ratio 1.5"),
        ({"val_ratio": 0.1}, SourceError, "without --samples divides"),
        ({"rows_per_shard": 0}, SourceError, "--rows-per-shard 0"),
        ({"drop": ["truncated"]}, SourceError, "what can be dropped"),
        ({"images": "reference"}, SourceError, "no files to refer to"),
        ({"layout": "cocoo"}, LayoutError, "did you mean 'coco'"),
        ({"prompt": "<image> {classes}"}, FormatError, "another image"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(SAMPLE, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_without_a_format_images_and_truth_alone_are_written(tmp_path: Path) -> None:
    manifest = run(SAMPLE, tmp_path / "out", formats=[], splits=["val"])
    assert set(manifest.splits) == {"val"}
    assert {path.split("/")[0] for path in tree(tmp_path / "out")} == {
        "images",
        "SHA256SUMS",
        "manifest.json",
        "truth",
    }


def test_a_bad_image_can_be_kept_where_the_columns_tell_its_size(tmp_path: Path) -> None:
    made = rows(4)
    made[1]["image"] = {"bytes": b"no image", "path": None}
    made[2]["image"] = None
    made[3] = {**made[3], "image": {"bytes": b"", "path": None}, "width": None}
    source = write(tmp_path / "in", {"train": made})
    manifest = run(source, tmp_path / "out", bad_images="keep")
    assert manifest.records.written == 3
    assert manifest.records.rejected == {"empty_image": 1}
    files = {p: d for p, d in tree(tmp_path / "out").items() if p.startswith("images/")}
    assert files["images/train-00000/000000001001.jpg"] == b"no image"
    assert files["images/train-00000/000000001002.jpg"] == b""
    assert_adds_up(manifest)


def test_damage_inside_a_file_costs_the_rows_behind_it(tmp_path: Path) -> None:
    files = {"train-0": rows(120), "train-1": rows(4, first_id=5000)}
    source = write(tmp_path / "in", files, row_group_rows=10)
    path = source / "data/train-0.parquet"
    column = pq.ParquetFile(path).metadata.row_group(10).column(1)
    assert column.path_in_schema == "image.bytes"
    data = bytearray(path.read_bytes())
    start = column.data_page_offset
    data[start : start + 1000] = b"\xff" * 1000
    path.write_bytes(data)
    manifest = run(source, tmp_path / "out", rows_per_shard=120)
    lost = manifest.records.rejected["damaged_file"]
    assert 20 <= lost < 120  # from the batch on that holds row 100
    assert manifest.records.written == 124 - lost
    assert {e["id"] for e in examples(tmp_path / "out")} >= {"5000", "5001", "5002", "5003"}
    assert [r["row"] for r in rejects(tmp_path / "out")] == list(range(120 - lost, 120))
    assert_adds_up(manifest)


def test_a_source_that_changes_during_a_run_is_noticed(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"train": rows(30)}, row_group_rows=5)

    def swap(progress: Progress) -> None:
        if progress.units_done == 1:
            write(tmp_path / "other", {"train": rows(30, first_id=7000)}, row_group_rows=5)
            (tmp_path / "other/data/train.parquet").replace(source / "data/train.parquet")

    with pytest.raises(ChangedError, match="has changed"):
        run(source, tmp_path / "out", rows_per_shard=5, on_progress=swap)
    assert not (tmp_path / "out/manifest.json").exists()
    assert {e["id"] for e in examples(tmp_path / "out")} <= {str(i) for i in range(1000, 1030)}


def test_an_output_inside_the_input_is_refused(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"train": rows(2)})
    with pytest.raises(SourceError, match="lies inside INPUT"):
        run(source, source / "out")
    assert not (source / "out").exists()
    run(source / "data/*.parquet", source / "out")  # a glob names nothing but the data


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    made = rows(60)
    source = write(tmp_path / "in", {"train": made}, row_group_rows=10)
    script = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n"  # as a disk that is full
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from groundray.engine.cli import main\n"
        "sys.exit(main())\n"
    )
    output = tmp_path / "out"
    arguments = ["convert", str(source), str(output), "--format", "qwen3-vl", "--runner", "local"]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        f"error: cannot write to {output}: File too large"
    )
    assert "Traceback" not in done.stderr
    assert not any(path.is_file() for path in (output / ".groundray/staging").rglob("*"))
    run(source, output)
    run(source, tmp_path / "fresh")
    assert tree(output) == tree(tmp_path / "fresh")
