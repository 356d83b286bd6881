"""Every layout that the docs name gives the same records."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from groundray.engine.boxes import scale_to_pixels
from groundray.engine.records import Records
from groundray.engine.sources import (
    RowImage,
    Source,
    SourceFile,
    iter_decoded,
    open_source,
    read_keys,
)
from tests.engine.sources import makers
from tests.engine.sources.images import content_of, row_images
from tests.engine.sources.makers import Made, pictures


def make(folder: Path, made: Made) -> Path:
    makers.write(made.table, folder / "data/train-00000-of-00001.parquet", features=made.features)
    makers.write_images(folder / "images")
    return folder


def open_made(folder: Path, made: Made) -> Source:
    layout = None
    if made.declared is not None:
        layout = folder / "layout.toml"
        folder.mkdir(exist_ok=True)
        layout.write_text(made.declared)
    place = str(make(folder, made))
    return open_source([place], layout=str(layout) if layout else None, classes=made.classes)


def read_file(source: Source, file: SourceFile, *, batch_bytes: int = 1 << 20) -> list[Records]:
    batches = []
    for decoded in iter_decoded(source, file, 0, file.num_rows, batch_bytes=batch_bytes):
        assert decoded.faults == ()
        batches.append(decoded.records)
    return batches


def read_all(source: Source) -> list[Records]:
    return [records for file in source.files for records in read_file(source, file)]


def read_with_images(
    source: Source, *, batch_bytes: int
) -> Iterator[tuple[Records, list[RowImage]]]:
    """Records, and the image of each."""
    for file in source.files:
        images = row_images(source, file, batch_bytes=batch_bytes)
        assert len(images) == file.num_rows
        for records in read_file(source, file, batch_bytes=batch_bytes):
            yield records, [images[row] for row in records.row.tolist()]


def assert_is_sample(
    source: Source, *, batch_bytes: int = 1 << 20, tolerance: float = 1e-9
) -> None:
    """Records and images are the sample's boxes, categories and images, in its order."""
    truth = iter(pictures())
    for records, images in read_with_images(source, batch_bytes=batch_bytes):
        sizes = []
        for i in range(len(records)):
            picture = next(truth)
            sizes.append((picture.width, picture.height))
            assert content_of(images[i]) == picture.data
            start, stop = records.offsets[i : i + 2]
            names = [records.names[code] for code in records.category[start:stop]]
            assert names == picture.names
        per_box = np.array(sizes, dtype=np.float64)[records.box_record]
        xyxy = scale_to_pixels(records.xyxy, source.layout.space, per_box)
        expected = [box for p in pictures() if str(p.id) in records.id for box in p.xyxy]
        if expected:  # ids are not the sample's where a layout has none
            np.testing.assert_allclose(xyxy, expected, atol=tolerance)
    assert next(truth, None) is None


@pytest.mark.parametrize("name", makers.DETECTION)
def test_layout_is_found_and_read(name: str, tmp_path: Path) -> None:
    made = makers.DETECTION[name]()
    source = open_made(tmp_path, made)
    assert_is_sample(source, tolerance=made.tolerance)
    ids = [record_id for records in read_all(source) for record_id in records.id]
    if made.table.column_names[0] == "img":
        assert ids[:2] == ["train-00000-of-00001-0", "train-00000-of-00001-1"]
    else:
        assert ids == [str(picture.id) for picture in pictures()]


@pytest.mark.parametrize("name", makers.DETECTION)
@pytest.mark.parametrize("batch_bytes", [1, 2_000, 300_000])  # several records, several images
def test_batches_are_the_same_whatever_their_size(
    name: str, batch_bytes: int, tmp_path: Path
) -> None:
    made = makers.DETECTION[name]()
    source = open_made(tmp_path, made)
    assert_is_sample(source, batch_bytes=batch_bytes, tolerance=made.tolerance)


@pytest.mark.parametrize("name", makers.DETECTION)
def test_keys_are_those_of_the_records(name: str, tmp_path: Path) -> None:
    made = makers.DETECTION[name]()
    source = open_made(tmp_path, made)
    (file,) = source.files
    keys = read_keys(source, file)
    decoded = list(iter_decoded(source, file, 0, file.num_rows, batch_bytes=1))
    assert keys.id.to_pylist() == [i for d in decoded for i in d.keys.id.to_pylist()]
    assert keys.row.tolist() == [row for d in decoded for row in d.keys.row.tolist()]
    assert keys.num_rows.sum() == file.num_rows
    assert keys.num_boxes.tolist() == [len(picture.xyxy) for picture in pictures()]
    assert keys.has_category.all()
    assert not keys.is_faulty.any()
    assert set(keys.names) == (
        {n for p in pictures() for n in p.names} if source.names is None else set()
    )


def test_names_beside_the_data_stand_in_for_a_footer_without_them(tmp_path: Path) -> None:
    make(tmp_path, makers.coco_legacy())
    shutil.copy(makers.SAMPLE / "dataset_infos.json", tmp_path)
    for place in (tmp_path, tmp_path / "data", tmp_path / "data/train-00000-of-00001.parquet"):
        source = open_source([str(place)])
        assert source.names == tuple(makers.class_names())
        assert "dataset_infos.json" in source.reason
        assert_is_sample(source)


def test_names_in_a_readme_stand_in_for_a_footer_without_them(tmp_path: Path) -> None:
    make(tmp_path, makers.coco_legacy())
    lines = "\n".join(f"            '{i}': {name}" for i, name in enumerate(makers.class_names()))
    (tmp_path / "README.md").write_text(
        f"""---
license: mit
dataset_info:
  features:
  - name: image_id
    dtype: int64
  - name: image
    dtype: image
  - name: width
    dtype: int64
  - name: height
    dtype: int64
  - name: objects
    sequence:
    - name: bbox_id
      dtype: int64
    - name: category
      dtype:
        class_label:
          names:
{lines}
---
# A data set
"""
    )
    source = open_source([str(tmp_path)])
    assert source.names == tuple(makers.class_names())
    assert "README.md" in source.reason


def test_rows_of_a_declared_order_column_may_differ(tmp_path: Path) -> None:
    layout = tmp_path / "layout.toml"
    layout.write_text('space = "pixels"\n')
    folder = make(tmp_path / "set", makers.order_column())
    source = open_source([str(folder)], layout=str(layout))
    assert source.layout.order_column == ("format",)
    assert_is_sample(source)


def test_one_name_for_all_boxes_of_a_row_counts_for_each(tmp_path: Path) -> None:
    import pyarrow as pa

    objects = pa.struct([("bbox", pa.list_(makers.BOX64)), ("categories", pa.string())])
    rows = [
        {"image": p.struct, "objects": {"bbox": p.xyxy, "categories": p.names[0]}}
        for p in pictures()
    ]
    table = makers.table_of([("image", makers.IMAGE), ("objects", objects)], rows)
    source = open_source([str(make(tmp_path, Made(table)))])
    for records in read_all(source):
        for i in range(len(records)):
            start, stop = records.offsets[i : i + 2]
            assert len(set(records.category[start:stop].tolist())) == 1
    keys = read_keys(source, source.files[0])
    assert keys.num_boxes.tolist() == [len(p.xyxy) for p in pictures()]
    assert set(keys.names) == {p.names[0] for p in pictures()}


def test_difficult_and_crowd_flags_are_read(tmp_path: Path) -> None:
    source = open_source([str(make(tmp_path, makers.voc()))])
    difficult = np.concatenate([records.difficult for records in read_all(source)])
    expected = [i % 2 == 0 for p in pictures() for i in range(len(p.xyxy))]
    assert difficult.tolist() == expected
    source = open_source([str(make(tmp_path / "open images", makers.four_fields()))])
    assert source.layout.iscrowd == ("bbox", "is_group_of")


def test_area_is_read_where_there_is_one(tmp_path: Path) -> None:
    source = open_source([str(make(tmp_path, makers.coco_modern()))])
    area = np.concatenate([records.area for records in read_all(source)])
    expected = [0.6 * w * h for p in pictures() for _, _, w, h in p.xywh()]
    assert area.tolist() == expected
    source = open_source([str(make(tmp_path / "voc", makers.voc()))])
    assert np.isnan(np.concatenate([records.area for records in read_all(source)])).all()


def test_float32_boxes_are_added_in_float64(tmp_path: Path) -> None:
    source = open_source([str(make(tmp_path, makers.cppe5()))])
    xyxy = np.concatenate([records.xyxy for records in read_all(source)])
    wide = [[np.float64(np.float32(v)) for v in box] for p in pictures() for box in p.xywh()]
    assert xyxy.tolist() == [[x, y, x + w, y + h] for x, y, w, h in wide]


def test_the_sample_itself_is_read_as_its_json_says() -> None:
    source = open_source([str(makers.SAMPLE)])
    assert [file.split for file in source.files] == ["train", "train", "val"]
    assert_is_sample(source)
    assert json.loads(json.dumps(source.names)) == makers.class_names()
