"""Image files: where they are looked for, and where not."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from groundray.engine.sources import (
    IMAGE_FAULTS,
    Decoded,
    RowImage,
    Source,
    iter_decoded,
    open_source,
)
from tests.engine.sources import makers
from tests.engine.sources.images import row_images
from tests.engine.sources.makers import pictures


def write(folder: Path, names: list[str | None], *, data: list[bytes | None] | None = None) -> Path:
    """One row a name, in a layout with image structs; boxes and labels are the sample's."""
    schema = [
        ("image", makers.IMAGE),
        ("bbox", pa.list_(makers.BOX64)),
        ("label", pa.list_(pa.string())),
    ]
    rows: list[dict[str, Any]] = [
        {"image": {"bytes": b, "path": name}, "bbox": p.xyxy, "label": p.names}
        for p, name, b in zip(pictures(), names, data or [None] * len(names), strict=False)
    ]
    return makers.write(makers.table_of(schema, rows), folder / "train-00000-of-00001.parquet")


def decode(place: Path | str, **options: Any) -> Decoded:
    source = open_source([str(place)], layout="voc", **options)
    (file,) = source.files
    (batch,) = iter_decoded(source, file, 0, file.num_rows)
    return batch


def images_of(place: Path | str, **options: Any) -> list[RowImage]:
    source = open_source([str(place)], layout="voc", **options)
    (file,) = source.files
    return row_images(source, file)


def at(place: Path | str) -> RowImage:
    """The image of a row that names a file."""
    return RowImage(data=None, place=str(place), fault=None)


def names_of(count: int) -> list[str | None]:
    return [f"images/{p.id}.jpg" for p in pictures()[:count]]


@pytest.mark.parametrize("place", ["data", "data/train", "data/../data", "", "other/images/.."])
def test_a_path_is_looked_for_in_every_folder_up_to_the_root(place: str, tmp_path: Path) -> None:
    (tmp_path / "other/images").mkdir(parents=True)
    path = write(tmp_path / "data/train", names_of(3))
    home = (path.parent if place == "data/train" else tmp_path / "data") if place else tmp_path
    makers.write_images(home / "images")
    assert images_of(tmp_path) == [at(home / str(name)) for name in names_of(3)]


def test_the_nearest_folder_wins(tmp_path: Path) -> None:
    write(tmp_path / "data", names_of(2))
    makers.write_images(tmp_path / "images")
    makers.write_images(tmp_path / "data/images")
    assert images_of(tmp_path) == [at(tmp_path / "data" / str(name)) for name in names_of(2)]


def test_an_input_called_data_is_searched_from_the_folder_above(tmp_path: Path) -> None:
    path = write(tmp_path / "set/data", names_of(2))
    makers.write_images(tmp_path / "set/images")
    for place in (path, path.parent):
        assert images_of(place) == [at(tmp_path / "set" / str(name)) for name in names_of(2)]


def test_an_image_root_is_the_only_place(tmp_path: Path) -> None:
    write(tmp_path / "data", names_of(2))
    makers.write_images(tmp_path / "data/images")
    makers.write_images(tmp_path / "elsewhere/images")
    found = images_of(tmp_path / "data", image_root=str(tmp_path / "elsewhere"))
    assert found == [at(tmp_path / "elsewhere" / str(name)) for name in names_of(2)]


def test_an_image_that_is_nowhere_keeps_a_path_that_says_where_it_should_be(tmp_path: Path) -> None:
    write(tmp_path, names_of(12))
    assert images_of(tmp_path) == [at(tmp_path / str(name)) for name in names_of(12)]


@pytest.mark.parametrize(
    "name",
    ["../../secret.jpg", "/etc/hostname", "file:///etc/hostname", "images/../../../x.jpg", ".."],
)
def test_a_path_that_leads_out_of_the_data_set_is_a_fault(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(pictures()[0].data)
    write(tmp_path / "set/data", [name, *names_of(2)])
    outside, *others = images_of(tmp_path / "set")
    assert outside == RowImage(data=None, place=None, fault="image_path_outside")
    assert others == [at(tmp_path / "set/data" / str(name)) for name in names_of(2)]


def test_what_is_wrong_with_an_image_is_no_fault_of_the_annotations(tmp_path: Path) -> None:
    write(tmp_path / "set/data", ["../../secret.jpg", None, *names_of(2)])
    batch = decode(tmp_path / "set")
    assert batch.faults == ()
    assert batch.records.row.tolist() == [0, 1, 2, 3]
    faults = [image.fault for image in images_of(tmp_path / "set")]
    assert faults == ["image_path_outside", "null_image", None, None]
    assert set(faults) - {None} == set(IMAGE_FAULTS)


def test_a_whole_path_into_the_data_set_counts(tmp_path: Path) -> None:
    makers.write_images(tmp_path / "images")
    name = str(tmp_path / "images" / f"{pictures()[0].id}.jpg")
    write(tmp_path / "data", [name, f"file://{name}"])
    assert images_of(tmp_path) == [at(name), at(name)]


def test_urls_are_taken_as_they_are(tmp_path: Path) -> None:
    urls: list[str | None] = ["http://images.example/a.jpg", "https://images.example/b.jpg?key=1"]
    write(tmp_path, urls)
    assert images_of(tmp_path) == [at(str(url)) for url in urls]


def test_bytes_go_before_paths_and_paths_stand_in_for_null_bytes(tmp_path: Path) -> None:
    makers.write_images(tmp_path / "images")
    data = [pictures()[0].data, None, None]
    write(tmp_path, ["images/no.jpg", *names_of(2)[1:], None], data=data)
    assert images_of(tmp_path) == [
        RowImage(data=memoryview(pictures()[0].data), place=None, fault=None),
        at(tmp_path / str(names_of(2)[1])),
        RowImage(data=None, place=None, fault="null_image"),
    ]


def test_ids_are_stems_of_paths_or_else_say_file_and_row(tmp_path: Path) -> None:
    makers.write_images(tmp_path / "images")
    names: list[str | None] = ["a/b.c.jpg", "x/ü ö.png", "plain", None]
    data: list[bytes | None] = [p.data for p in pictures()[:4]]
    write(tmp_path, names, data=data)
    batch = decode(tmp_path)
    assert batch.records.id == ["b.c", "ü ö", "plain", "train-00000-of-00001-3"]


def test_image_paths_do_not_need_columns_of_sizes(tmp_path: Path) -> None:
    made = makers.kangaroo()
    makers.write(made.table, tmp_path / "data/train.parquet")
    makers.write_images(tmp_path / "images")
    source: Source = open_source([str(tmp_path / "data")])
    assert "image sizes from image headers" in source.reason
