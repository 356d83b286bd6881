"""What cannot be settled is refused, with what was seen and the option that settles it."""

import sys
from pathlib import Path

import pyarrow as pa
import pytest

from groundray.engine.sources import open_source
from groundray.formats.errors import LayoutError, SourceError
from tests.engine.sources import makers
from tests.engine.sources.makers import pictures


def test_captions_without_boxes_are_refused(tmp_path: Path) -> None:
    schema = [("coco_url", pa.string()), ("captions", pa.list_(pa.string()))]
    rows = [{"coco_url": "http://x/y.jpg", "captions": ["a cat"]}]
    makers.write(makers.table_of(schema, rows), tmp_path / "train.parquet")
    with pytest.raises(
        LayoutError, match=r"no boxes among the columns: coco_url string, captions"
    ) as e:
        open_source([str(tmp_path)])
    assert "--layout FILE.toml" in str(e.value)


def test_boxes_without_categories_are_refused(tmp_path: Path) -> None:
    schema = [("image", makers.IMAGE), ("bbox", pa.list_(makers.BOX64))]
    rows = [{"image": p.struct, "bbox": p.xyxy} for p in pictures()]
    makers.write(makers.table_of(schema, rows), tmp_path / "train.parquet")
    with pytest.raises(LayoutError, match="nothing that says what they are"):
        open_source([str(tmp_path)])
    assert open_source([str(tmp_path)], classes=["thing"]).names == ("thing",)


def test_boxes_without_an_image_are_refused(tmp_path: Path) -> None:
    schema = [("bbox", pa.list_(makers.BOX64)), ("label", pa.list_(pa.string()))]
    rows = [{"bbox": p.xyxy, "label": p.names} for p in pictures()]
    makers.write(makers.table_of(schema, rows), tmp_path / "train.parquet")
    with pytest.raises(LayoutError, match="no image among the columns"):
        open_source([str(tmp_path)])


def test_class_numbers_without_names_are_refused(tmp_path: Path) -> None:
    made = makers.coco91()
    makers.write(made.table, tmp_path / "train.parquet")
    with pytest.raises(LayoutError, match=r"objects.category_id holds numbers.*--classes FILE"):
        open_source([str(tmp_path)])


def test_files_that_name_their_classes_differently_are_refused(tmp_path: Path) -> None:
    """One number would stand for several classes."""
    made = makers.coco_modern()
    makers.write(made.table, tmp_path / "train-0.parquet", features=made.features)
    names = {"names": ["x", *makers.class_names()[1:]], "_type": "ClassLabel"}
    other = {"objects": {"feature": {"category": names}, "_type": "Sequence"}}
    makers.write(made.table, tmp_path / "train-1.parquet", features=other)
    with pytest.raises(LayoutError, match=r"train-0.parquet says person, .*train-1.parquet says x"):
        open_source([str(tmp_path)])
    names_given = makers.class_names()
    assert open_source([str(tmp_path)], classes=names_given).names == tuple(names_given)


def test_a_convention_that_the_boxes_leave_open_is_refused(tmp_path: Path) -> None:
    """Small boxes in the middle of an image can be read in any order of corner and size."""
    schema = [
        ("image", makers.IMAGE),
        ("bbox", pa.list_(makers.BOX64)),
        ("label", pa.list_(pa.string())),
    ]
    rows = [{"image": p.struct, "bbox": [[100, 100, 20, 20]], "label": ["dot"]} for p in pictures()]
    makers.write(makers.table_of(schema, rows), tmp_path / "train.parquet")
    with pytest.raises(LayoutError) as e:
        open_source([str(tmp_path)])
    message = str(e.value)
    assert "xywh in pixels 0.0%" in message
    assert "cxcywh in pixels 0.0%" in message
    assert "--layout coco-xywh (xywh in pixels)" in message
    assert "\n" not in message
    source = open_source([str(tmp_path)], layout="coco-xywh")
    assert source.layout.order == "xywh"


def test_a_data_set_without_boxes_cannot_tell_its_convention(tmp_path: Path) -> None:
    schema = [
        ("image", makers.IMAGE),
        ("bbox", pa.list_(makers.BOX64)),
        ("label", pa.list_(pa.string())),
    ]
    rows = [{"image": p.struct, "bbox": [], "label": []} for p in pictures()]
    makers.write(makers.table_of(schema, rows), tmp_path / "train.parquet")
    with pytest.raises(LayoutError, match="there is no box to tell by"):
        open_source([str(tmp_path)])


def test_a_folder_without_parquet_says_what_is_in_it(tmp_path: Path) -> None:
    makers.write_images(tmp_path / "images")
    with pytest.raises(
        SourceError, match=r"looked for \*\.parquet in .*found 16 other files \(16 \.jpg\)"
    ):
        open_source([str(tmp_path)])


def test_a_path_that_does_not_exist_suggests_a_neighbour(tmp_path: Path) -> None:
    (tmp_path / "kangaroo").mkdir()
    with pytest.raises(SourceError, match=r"no such file or folder: .*did you mean 'kangaroo'"):
        open_source([str(tmp_path / "kangaro")])


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(
        SourceError, match=r"gs://bucket/x needs a package: pip install 'groundray\[gcs\]'"
    ):
        open_source(["gs://bucket/x"])


def test_an_unknown_protocol_is_named_without_its_secrets() -> None:
    with pytest.raises(SourceError) as e:
        open_source(["nosuch://user:secret@host/x.parquet?token=secret"])
    assert "unknown protocol 'nosuch'" in str(e.value)
    assert "secret" not in str(e.value)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("boxs = 'bbox'", r"unknown field 'boxs'; did you mean 'boxes'\?"),
        ("order = 'yxyx'", "expected one of xyxy, xywh, cxcywh"),
        ("boxes = ['a', 'b']", "expected one path, or a list of four"),
        ("id_offset = '1'", "expected a whole number"),
        ("names = 3", "expected a list of class names by id, or one of coco, voc"),
        ("boxes = 'objects.boxs'", r"no field 'objects.boxs'; did you mean 'objects.bbox'\?"),
        ("width = 'wdth'", r"no field 'wdth'; did you mean 'width'\?"),
        (
            "id = 'objects.bbox_id'",
            "objects.bbox_id is list<int64>; an id is one integer or text a row",
        ),
        ("boxes = ", "not TOML"),
    ],
)
def test_a_wrong_layout_file_says_what_is_wrong(toml: str, message: str, tmp_path: Path) -> None:
    made = makers.coco_modern()
    makers.write(made.table, tmp_path / "train.parquet", features=made.features)
    (tmp_path / "layout.toml").write_text(toml)
    with pytest.raises(LayoutError, match=message):
        open_source([str(tmp_path)], layout=str(tmp_path / "layout.toml"))


def test_an_unknown_preset_suggests_a_known_one() -> None:
    with pytest.raises(LayoutError, match="unknown layout 'coco-xwyh'; did you mean 'coco-xywh'"):
        open_source([str(makers.SAMPLE)], layout="coco-xwyh")


def test_a_class_to_keep_that_does_not_exist_suggests_a_known_one() -> None:
    with pytest.raises(LayoutError, match="no class is named 'perso'; did you mean 'person'"):
        open_source([str(makers.SAMPLE)], only=["perso"])
