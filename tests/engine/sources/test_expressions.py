"""Data sets of referring expressions: a record an expression."""

from pathlib import Path

import pyarrow as pa
import pytest

from groundray.engine.sources import Decoded, Source, iter_decoded, open_source, read_keys
from groundray.formats.errors import LayoutError
from tests.engine.sources import makers
from tests.engine.sources.images import content_of, data_of, record_images, row_images
from tests.engine.sources.makers import pictures

LMMS = [
    ("question_id", pa.string()),
    ("image", makers.IMAGE),
    ("question", pa.string()),
    ("answer", pa.list_(pa.string())),
    ("segmentation", pa.list_(pa.float32())),
    ("bbox", pa.list_(pa.float64())),
    ("iscrowd", pa.int8()),
    ("file_name", pa.string()),
]
SENTENCE = pa.struct(
    [
        ("raw", pa.string()),
        ("sent", pa.string()),
        ("sent_id", pa.int64()),
        ("tokens", pa.list_(pa.string())),
    ]
)
JXU = [
    ("sent_ids", pa.list_(pa.int64())),
    ("file_name", pa.string()),
    ("category_id", pa.int64()),
    ("ref_id", pa.int64()),
    ("sentences", pa.list_(SENTENCE)),
    ("raw_image_info", pa.string()),
    ("image_path", pa.string()),
    ("bbox", pa.list_(pa.float64())),
    ("captions", pa.list_(pa.string())),
]


def lmms_rows() -> list[dict[str, object]]:
    """One row a box, and one more that nothing in the image answers."""
    rows = [
        {
            "question_id": f"{p.id}_{i}",
            "image": p.struct,
            "question": "Where?",
            "answer": [f"the {name}"],
            "segmentation": [],
            "bbox": box,
            "iscrowd": 0,
            "file_name": f"{p.id}.jpg",
        }
        for p in pictures()
        for i, (name, box) in enumerate(zip(p.names, p.xywh(), strict=True))
    ]
    return [*rows, {**rows[0], "question_id": "none", "answer": ["the unicorn"], "bbox": []}]


def jxu_rows() -> list[dict[str, object]]:
    return [
        {
            "sent_ids": [2 * i, 2 * i + 1],
            "file_name": f"{p.id}.jpg",
            "category_id": p.categories[0],
            "ref_id": i,
            "sentences": [
                {"raw": "RAW", "sent": f"the {p.names[0]}", "sent_id": 2 * i, "tokens": ["t"]},
                {"raw": "RAW", "sent": "that one", "sent_id": 2 * i + 1, "tokens": ["t"]},
            ],
            "raw_image_info": "{}",
            "image_path": f"coco/train2014/{p.id}.jpg",
            "bbox": p.xyxy[0],
            "captions": ["a picture"],
        }
        for i, p in enumerate(pictures())
    ]


def open_rows(
    folder: Path, schema: list[tuple[str, pa.DataType]], rows: list[dict[str, object]]
) -> Source:
    makers.write(makers.table_of(schema, rows), folder / "data/val-00000-of-00001.parquet")
    makers.write_images(folder / "coco/train2014")
    return open_source([str(folder)])


def decode(source: Source) -> list[Decoded]:
    (file,) = source.files
    return list(iter_decoded(source, file, 0, file.num_rows, batch_bytes=1 << 20))


def test_lmms_style_is_found_and_read(tmp_path: Path) -> None:
    source = open_rows(tmp_path, LMMS, lmms_rows())
    assert source.task == "grounding"
    assert (source.layout.order, source.layout.space) == ("xywh", "pixels")
    decoded = decode(source)
    ids = [i for batch in decoded for i in batch.records.id]
    queries = [q for batch in decoded for q in batch.records.query]
    assert ids == [row["question_id"] for row in lmms_rows()]
    assert queries[-1] == "the unicorn"
    assert decoded[-1].records.offsets[-1] == decoded[-1].records.offsets[-2]
    xyxy = [box for batch in decoded for box in batch.records.xyxy.tolist()]
    assert xyxy == [[x, y, x + w, y + h] for p in pictures() for x, y, w, h in p.xywh()]


def test_the_category_of_a_box_is_the_expression_that_it_answers(tmp_path: Path) -> None:
    for batch in decode(open_rows(tmp_path, LMMS, lmms_rows())):
        records = batch.records
        named = [records.names[code] for code in records.category.tolist()]
        assert named == [records.query[i] for i in records.box_record.tolist()]


def test_several_expressions_of_a_row_share_its_image(tmp_path: Path) -> None:
    rows = lmms_rows()[:4]
    rows[1]["answer"] = ["this", "that", "those"]
    source = open_rows(tmp_path, LMMS, rows)
    (batch,) = decode(source)
    first, second = rows[0]["question_id"], rows[1]["question_id"]
    assert batch.records.id[:4] == [first, f"{second}-0", f"{second}-1", f"{second}-2"]
    assert batch.records.query[1:4] == ["this", "that", "those"]
    assert batch.records.image_key[:4] == [first, second, second, second]
    assert batch.records.row.tolist() == [0, 1, 1, 1, 2, 3]
    data = {f"{p.id}.jpg": p.data for p in pictures()}
    images = row_images(source, source.files[0])
    assert data_of(images) == [data[str(row["file_name"])] for row in rows]
    assert batch.keys.num_rows.tolist() == [1, 1, 0, 0, 1, 1]
    boxes = batch.records.xyxy.tolist()
    assert boxes[1] == boxes[2] == boxes[3]
    keys = read_keys(source, source.files[0])
    assert keys.id.to_pylist() == batch.records.id
    assert keys.num_rows.tolist() == batch.keys.num_rows.tolist()


def test_jxu124_style_is_found_and_read(tmp_path: Path) -> None:
    source = open_rows(tmp_path, JXU, jxu_rows())
    assert source.task == "grounding"
    assert (source.layout.order, source.layout.space) == ("xyxy", "pixels")
    decoded = decode(source)
    ids = [i for batch in decoded for i in batch.records.id]
    assert ids == [f"{i}-{sentence}" for i in range(16) for sentence in (2 * i, 2 * i + 1)]
    images = record_images(row_images(source, source.files[0]), decoded)
    assert all(image.data is None for image in images)
    assert [content_of(image) for image in images] == [p.data for p in pictures() for _ in range(2)]
    queries = [q for batch in decoded for q in batch.records.query]
    assert queries[:2] == [f"the {pictures()[0].names[0]}", "that one"]


def test_a_row_without_an_expression_is_a_fault_and_not_gone(tmp_path: Path) -> None:
    rows = lmms_rows()[:5]
    rows[1]["answer"] = []
    rows[2]["answer"] = None
    rows[3]["answer"] = ["  "]
    (batch,) = decode(open_rows(tmp_path, LMMS, rows))
    assert [(f.index, f.reason) for f in batch.faults] == [
        (1, "no_expression"),
        (2, "no_expression"),
        (3, "no_expression"),
    ]
    assert batch.keys.num_rows.sum() == 5
    assert len(batch.records) == 2


def test_a_null_box_list_is_a_fault_but_an_empty_one_is_an_answer(tmp_path: Path) -> None:
    rows = lmms_rows()[-4:]
    rows[0]["bbox"] = None
    (batch,) = decode(open_rows(tmp_path, LMMS, rows))
    assert [(f.index, f.reason) for f in batch.faults] == [(0, "null_annotations")]
    assert batch.keys.is_faulty.tolist() == [True, False, False, False]
    assert batch.keys.has_category.all()


def test_asking_for_grounding_where_there_are_no_expressions_says_so(tmp_path: Path) -> None:
    made = makers.coco_modern()
    makers.write(made.table, tmp_path / "train.parquet", features=made.features)
    with pytest.raises(LayoutError, match="no referring expressions among the columns"):
        open_source([str(tmp_path)], task="grounding")
