"""Reading files: parts of them, faulty rows, and files that are not what they were."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from groundray.engine.sources import (
    Decoded,
    Source,
    iter_decoded,
    iter_images,
    open_source,
    read_keys,
)
from groundray.formats.errors import ChangedError, DamagedError, SourceError
from tests.engine.sources import makers
from tests.engine.sources.images import data_of, record_images, row_images
from tests.engine.sources.rows import RANGES, break_column, rot, sample_rows, write_rows


def decode(source: Source, *, batch_bytes: int = 8 << 20) -> list[Decoded]:
    (file,) = source.files
    return list(iter_decoded(source, file, 0, file.num_rows, batch_bytes=batch_bytes))


@pytest.mark.parametrize(("start", "stop"), RANGES)
@pytest.mark.parametrize("batch_bytes", [1, 1_000, 8 << 20])
def test_any_range_of_rows_can_be_read(
    start: int, stop: int, batch_bytes: int, tmp_path: Path
) -> None:
    source = write_rows(tmp_path, sample_rows())
    (file,) = source.files
    assert file.row_groups == (5, 5, 5, 1)
    batches = list(iter_decoded(source, file, start, stop, batch_bytes=batch_bytes))
    pictures = makers.pictures()[start:stop]
    assert [row for b in batches for row in b.keys.row.tolist()] == list(range(start, stop))
    assert [i for b in batches for i in b.records.id] == [str(p.id) for p in pictures]
    xyxy = np.concatenate([b.records.xyxy for b in batches])
    np.testing.assert_allclose(xyxy, [box for p in pictures for box in p.xyxy])
    for batch in batches:
        assert batch.records.offsets[0] == 0
        assert batch.records.offsets[-1] == len(batch.records.xyxy) == len(batch.records.category)


def test_no_rows_give_nothing(tmp_path: Path) -> None:
    source = write_rows(tmp_path, sample_rows())
    assert list(iter_decoded(source, source.files[0], 4, 4)) == []
    assert list(iter_images(source, source.files[0], 4, 4)) == []


def test_images_and_records_without_a_range_are_those_of_the_whole_file(tmp_path: Path) -> None:
    source = write_rows(tmp_path, sample_rows())
    images = [image for batch in iter_images(source, source.files[0]) for image in batch]
    assert data_of(images) == [p.data for p in makers.pictures()]
    rows = [row for batch in iter_decoded(source, source.files[0]) for row in batch.records.row]
    assert rows == list(range(16))


def test_runs_of_rows_of_one_image_are_kept_together(tmp_path: Path) -> None:
    made = makers.one_row_per_box()
    makers.write(made.table, tmp_path / "train.parquet", row_group_size=7)
    source = open_source([str(tmp_path)], classes=made.classes)
    (file,) = source.files
    keys = read_keys(source, file)
    assert keys.num_rows.tolist() == [len(p.xyxy) for p in makers.pictures()]
    start, stop = int(keys.row[3]), int(keys.row[9])
    decoded = list(iter_decoded(source, file, start, stop, batch_bytes=1))
    assert [i for d in decoded for i in d.records.id] == [str(p.id) for p in makers.pictures()[3:9]]


def test_an_image_without_boxes_among_rows_of_boxes_has_one_row_of_nulls(tmp_path: Path) -> None:
    made = makers.one_row_per_box()
    rows: list[dict[str, Any]] = made.table.to_pylist()
    rows.insert(0, {**rows[0], "image_id": 1, "bbox": None, "category_id": None})
    table = pa.Table.from_pylist(rows, schema=made.table.schema)
    makers.write(table, tmp_path / "train.parquet")
    source = open_source([str(tmp_path)], classes=made.classes)
    batch, _ = decode(source)  # the last run of rows waits for more of its kind
    assert batch.records.id[0] == "1"
    assert batch.records.offsets[:2].tolist() == [0, 0]
    assert batch.faults == ()


def fault_of(row: dict[str, Any], folder: Path) -> tuple[str, str]:
    """The only fault of a file whose third row is `row`; all other rows must come out whole."""
    rows = sample_rows()
    rows[2] = row
    source = write_rows(folder, rows)
    (file,) = source.files
    (batch,) = decode(source)
    (fault,) = batch.faults
    assert fault.index == 2
    assert len(batch.keys) == 16
    kept = [p for i, p in enumerate(makers.pictures()) if i != 2]
    assert batch.records.id == [str(p.id) for p in kept]
    expected = [box for p in kept for box in p.xyxy]
    np.testing.assert_allclose(batch.records.xyxy, expected)
    names = [batch.records.names[code] for code in batch.records.category]
    assert names == [name for p in kept for name in p.names]
    images = record_images(row_images(source, file), [batch])
    assert data_of(images) == [p.data for p in kept]
    assert read_keys(source, file).num_boxes.tolist() == batch.keys.num_boxes.tolist()
    return fault.reason, fault.detail


def test_null_annotations_are_a_fault(tmp_path: Path) -> None:
    row = {**sample_rows()[2], "objects": None}
    assert fault_of(row, tmp_path)[0] == "null_annotations"


def test_lists_of_different_length_are_a_fault(tmp_path: Path) -> None:
    row = sample_rows()[2]
    count = len(row["objects"]["category"])
    row["objects"]["category"] = row["objects"]["category"][:-1]
    reason, detail = fault_of(row, tmp_path)
    assert reason == "list_length_mismatch"
    assert detail == f"{count - 1} categories, {count} whole boxes"


def test_a_null_id_is_a_fault(tmp_path: Path) -> None:
    row = {**sample_rows()[2], "image_id": None}
    assert fault_of(row, tmp_path)[0] == "null_id"


def test_a_row_may_have_no_boxes(tmp_path: Path) -> None:
    rows = sample_rows()
    rows[2]["objects"] = {name: [] for name in rows[2]["objects"]}
    (batch,) = decode(write_rows(tmp_path, rows))
    assert batch.faults == ()
    assert batch.keys.num_boxes[2] == 0
    assert not batch.keys.has_category[2]
    assert not batch.keys.is_faulty[2]


def test_bad_boxes_and_categories_pass_through_marked(tmp_path: Path) -> None:
    rows = sample_rows()
    row = next(i for i, p in enumerate(makers.pictures()) if len(p.xyxy) > 3)
    objects = rows[row]["objects"]
    objects["bbox"][:2] = [[float("nan"), 0.0, 1.0, 1.0], None]
    objects["category"][:3] = [80, -1, None]
    (batch,) = decode(write_rows(tmp_path, rows))
    assert batch.faults == ()
    start = batch.records.offsets[row]
    assert np.isnan(batch.records.xyxy[start, 0])
    assert np.isnan(batch.records.xyxy[start + 1]).all()
    categories = batch.records.category[start : start + 4].tolist()
    assert categories == [-1, -1, -1, makers.pictures()[row].categories[3]]


def test_areas_that_do_not_fit_are_unknown_and_cost_nothing_else(tmp_path: Path) -> None:
    rows = sample_rows()
    rows[0]["objects"]["area"] = [1.0]
    rows[1]["objects"]["area"] = None
    (batch,) = decode(write_rows(tmp_path, rows))
    assert batch.faults == ()
    without = len(makers.pictures()[0].xyxy) + len(makers.pictures()[1].xyxy)
    assert np.isnan(batch.records.area[:without]).all()
    assert not np.isnan(batch.records.area[without:]).any()


def test_flat_lists_that_are_no_whole_boxes_are_a_fault(tmp_path: Path) -> None:
    made = makers.kangaroo()
    rows: list[dict[str, Any]] = made.table.to_pylist()
    rows[3]["bbox"] = rows[3]["bbox"][:-1]
    table = pa.Table.from_pylist(rows, schema=made.table.schema)
    makers.write(table, tmp_path / "train.parquet")
    makers.write_images(tmp_path / "images")
    (batch,) = decode(open_source([str(tmp_path)]))
    assert [(f.index, f.reason) for f in batch.faults] == [(3, "list_length_mismatch")]
    assert len(batch.records) == 15


def test_a_list_of_structs_of_one_number_each_is_read_as_a_flat_list(tmp_path: Path) -> None:
    made = makers.kangaroo()
    rows: list[dict[str, Any]] = made.table.to_pylist()
    boxes = [[{"box": number} for number in row["bbox"]] for row in rows]
    table = made.table.drop_columns(["bbox"]).append_column("objects", pa.array(boxes))
    makers.write(table, tmp_path / "train.parquet")
    makers.write_images(tmp_path / "images")
    (batch,) = decode(open_source([str(tmp_path)]))
    assert batch.faults == ()
    np.testing.assert_allclose(batch.records.xyxy[0], makers.pictures()[0].xyxy[0])


def test_boxes_of_the_wrong_number_of_numbers_cost_only_themselves(tmp_path: Path) -> None:
    made = makers.voc()
    rows: list[dict[str, Any]] = made.table.to_pylist()
    rows[0]["objects"]["bbox"][0] = [1.0, 2.0, 3.0]
    table = pa.Table.from_pylist(rows, schema=made.table.schema)
    makers.write(table, tmp_path / "train.parquet")
    (batch,) = decode(open_source([str(tmp_path)]))
    assert batch.faults == ()
    assert np.isnan(batch.records.xyxy[0]).all()
    np.testing.assert_allclose(batch.records.xyxy[1], makers.pictures()[0].xyxy[1])


def test_only_some_classes_can_be_kept() -> None:
    source = open_source([str(makers.SAMPLE)], only=["cup", "person"])
    assert source.names == ("person", "cup")
    (file, *_) = source.files
    (batch,) = list(iter_decoded(source, file, 0, file.num_rows))
    names = [name for p in makers.pictures()[:5] for name in p.names]
    found = [batch.records.names[c] if c >= 0 else None for c in batch.records.category.tolist()]
    assert found == [name if name in source.names else None for name in names]
    wanted = [bool({"cup", "person"} & set(p.names)) for p in makers.pictures()[:5]]
    assert batch.keys.has_category.tolist() == wanted


def test_only_some_names_of_text_categories_can_be_kept(tmp_path: Path) -> None:
    makers.write(makers.voc().table, tmp_path / "train.parquet")
    source = open_source([str(tmp_path)], only=["cup"])
    assert source.names == ("cup",)
    (batch,) = decode(source)
    assert set(batch.records.category.tolist()) == {-1, 0}
    assert batch.keys.names == ()


def test_unreadable_files_cost_only_themselves(tmp_path: Path) -> None:
    made = makers.coco_modern()
    good = makers.write(made.table, tmp_path / "train-0.parquet", features=made.features)
    data = good.read_bytes()
    length = int.from_bytes(data[-8:-4], "little")
    (tmp_path / "train-1.parquet").write_bytes(data[:-64] + b"\0" * 64)
    (tmp_path / "train-2.parquet").write_bytes(data[: len(data) // 2])
    (tmp_path / "train-3.parquet").write_bytes(b"")
    (tmp_path / "train-4.parquet").write_bytes(b"PAR1")
    (tmp_path / "train-5.parquet").write_bytes(data[:-length] + b"\0" * length + data[-8:])
    pq.write_table(pa.table({"image_id": [1]}), tmp_path / "train-6.parquet")
    pq.write_table(made.table.slice(0, 0), tmp_path / "train-7.parquet")
    source = open_source([str(tmp_path)])
    assert [file.relative for file in source.files] == ["train-0.parquet", "train-7.parquet"]
    reasons = {file.relative: file.reason for file in source.unreadable}
    assert list(reasons) == [f"train-{i}.parquet" for i in range(1, 7)]
    assert reasons["train-3.parquet"] == "the file is empty"
    assert "columns are unlike the others'" in reasons["train-6.parquet"]
    assert len(read_keys(source, source.files[1])) == 0
    assert list(iter_decoded(source, source.files[1], 0, 0)) == []
    assert list(iter_images(source, source.files[1])) == []


def test_nothing_but_unreadable_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes(b"")
    with pytest.raises(SourceError, match=r"no parquet that can be read: train.parquet: .* empty"):
        open_source([str(tmp_path)])


def test_a_file_that_changed_since_is_not_read(tmp_path: Path) -> None:
    source = write_rows(tmp_path, sample_rows())
    write_rows(tmp_path, sample_rows()[:8])
    with pytest.raises(ChangedError, match=r"train.parquet: the file has changed"):
        decode(source)
    with pytest.raises(ChangedError, match=r"train.parquet: the file has changed"):
        row_images(source, source.files[0])
    (tmp_path / "train.parquet").write_bytes(b"half a file")
    with pytest.raises(ChangedError, match=r"train.parquet: the file has changed"):
        decode(source)
    (tmp_path / "train.parquet").unlink()
    with pytest.raises(SourceError, match=r"train.parquet: cannot be read"):
        read_keys(source, source.files[0])
    with pytest.raises(SourceError, match=r"train.parquet: cannot be read"):
        row_images(source, source.files[0])


def test_a_file_that_changed_in_place_is_not_read(tmp_path: Path) -> None:
    """Size and footer stay what they were, as with a download that is not complete."""
    source = write_rows(tmp_path, sample_rows())
    path = tmp_path / "train.parquet"
    path.write_bytes(path.read_bytes())
    with pytest.raises(ChangedError, match=r"train.parquet: the file has changed"):
        decode(source)


def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    source = write_rows(tmp_path, sample_rows())
    batches = iter_decoded(source, source.files[0], batch_bytes=1)
    next(batches)
    path = tmp_path / "train.parquet"
    with path.open("r+b") as file:
        file.write(path.read_bytes()[:4])
    with pytest.raises(ChangedError, match=r"train.parquet: the file has changed"):
        list(batches)


def test_values_that_cannot_be_read_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    source = write_rows(tmp_path, sample_rows())
    path = tmp_path / "train.parquet"
    data = bytearray(path.read_bytes())
    data[4 : len(data) // 2] = b"\xff" * (len(data) // 2 - 4)
    rot(path, data)
    with pytest.raises(DamagedError, match=r"^train.parquet: cannot be read"):
        decode(source)
    with pytest.raises(DamagedError, match=r"^train.parquet: cannot be read"):
        row_images(source, source.files[0])


def test_columns_that_the_layout_does_not_name_are_not_read(tmp_path: Path) -> None:
    """A column of broken bytes beside the others does no harm."""
    made = makers.bccd()
    pdf = pa.array([b"x" * 100_000] * 16)
    table = made.table.append_column("pdf", pdf).append_column("inst.rles", pa.array(["r"] * 16))
    path = makers.write(table, tmp_path / "train.parquet", features=made.features)
    source = open_source([str(tmp_path)])
    break_column(path, "pdf")
    assert sum(len(batch.records) for batch in decode(source)) == 16
    images = row_images(source, source.files[0])
    assert data_of(images) == [p.data for p in makers.pictures()]
