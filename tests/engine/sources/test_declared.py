"""Layouts by name and from TOML."""

import re
import sys
from dataclasses import fields
from pathlib import Path

import pyarrow as pa
import pytest

from groundray.engine.sources import IMAGE_FAULTS, PRESETS, iter_decoded, open_source
from groundray.engine.sources.declared import parse_fields, parse_path, read_declared
from groundray.engine.sources.faults import FAULTS
from groundray.engine.sources.layout import Layout, format_path
from tests.engine.sources import makers
from tests.engine.sources.images import data_of, row_images
from tests.engine.sources.makers import pictures

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("bbox", ("bbox",)),
        ("objects.bbox", ("objects", "bbox")),
        ('"inst.rles".size', ("inst.rles", "size")),
        ('a."b.c".d', ("a", "b.c", "d")),
        (["inst.rles", "size"], ("inst.rles", "size")),
    ],
)
def test_paths_are_dotted_with_quotes_or_lists(value: object, path: tuple[str, ...]) -> None:
    assert parse_path(value) == path
    assert parse_path(format_path(path)) == path


@pytest.mark.parametrize("value", ["", 3, [], [1], "a..b", 'a"b', '"a'])
def test_what_is_no_path_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_path(value)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_sound(name: str) -> None:
    assert read_declared(name).reasons[0].startswith(f"layout {name}: ")


def test_presets_are_in_alphabetical_order() -> None:
    assert list(PRESETS) == sorted(PRESETS)


@pytest.mark.parametrize(
    ("preset", "made"),
    [
        ("coco", makers.coco_legacy),
        ("cppe-5", makers.cppe5),
        ("bccd", makers.bccd),
        ("voc", makers.voc),
        ("yolo", makers.raccoon),
        ("coco91", makers.coco91),
        ("openimages", makers.four_fields),
    ],
)
def test_a_preset_reads_the_sets_that_it_is_for(preset: str, made: object, tmp_path: Path) -> None:
    set_ = made() if callable(made) else None
    assert isinstance(set_, makers.Made)
    makers.write(set_.table, tmp_path / "train.parquet", features=set_.features)
    source = open_source([str(tmp_path)], layout=preset)
    (file,) = source.files
    names = [
        batch.records.names[code]
        for batch in iter_decoded(source, file, 0, file.num_rows)
        for code in batch.records.category
    ]
    assert names == [name for picture in pictures() for name in picture.names]


def test_a_layout_file_can_say_everything(tmp_path: Path) -> None:
    """Columns with odd names, which nothing could be guessed from."""
    rows = [
        {
            "foto.x": p.data,
            "nummer": p.id,
            "kaesten": p.xywh(),
            "klasse": [c + 5 for c in p.categories],
        }
        for p in pictures()
    ]
    schema = [
        ("foto.x", pa.binary()),
        ("nummer", pa.int64()),
        ("kaesten", pa.list_(makers.BOX64)),
        ("klasse", pa.list_(pa.int64())),
    ]
    makers.write(makers.table_of(schema, rows), tmp_path / "train.parquet")
    (tmp_path / "layout.toml").write_text(
        """
        image = '"foto.x"'
        id = "nummer"
        boxes = "kaesten"
        order = "xywh"
        space = "pixels"
        category = "klasse"
        names = "coco"
        id_offset = 5
        """
    )
    source = open_source([str(tmp_path)], layout=str(tmp_path / "layout.toml"))
    (file,) = source.files
    (batch,) = iter_decoded(source, file, 0, file.num_rows)
    assert batch.records.id == [str(p.id) for p in pictures()]
    assert batch.records.category.tolist() == [c for p in pictures() for c in p.categories]
    assert data_of(row_images(source, file)) == [p.data for p in pictures()]


def test_four_paths_are_read_in_the_sequence_that_the_order_spells(tmp_path: Path) -> None:
    rows = [
        {
            "image": p.struct,
            "o": {k: [b[i] for b in p.xywh()] for i, k in enumerate("dcba")},
            "n": p.names,
        }
        for p in pictures()
    ]
    numbers = pa.struct([(name, pa.list_(pa.float64())) for name in "abcd"])
    schema = [("image", makers.IMAGE), ("o", numbers), ("n", pa.list_(pa.string()))]
    makers.write(makers.table_of(schema, rows), tmp_path / "train.parquet")
    (tmp_path / "layout.toml").write_text(
        'boxes = ["o.d", "o.c", "o.b", "o.a"]\norder = "xywh"\ncategory = "n"\n'
    )
    source = open_source([str(tmp_path)], layout=str(tmp_path / "layout.toml"))
    (file,) = source.files
    (batch,) = iter_decoded(source, file, 0, file.num_rows)
    expected = [[x, y, x + w, y + h] for p in pictures() for x, y, w, h in p.xywh()]
    assert batch.records.xyxy.tolist() == expected


def test_the_docs_name_every_preset_field_and_fault() -> None:
    text = (Path(__file__).parents[3] / "docs/sources.md").read_text()
    for name, preset in PRESETS.items():
        assert f"| `{name}` |" in text, preset
    for field in fields(Layout):
        assert f"\n{field.name} = " in text, field.name
    section = text.split("## What is wrong with a row\n")[1]
    assert re.findall(r"`(\w+)`", section) == [*FAULTS, *IMAGE_FAULTS]


def test_the_layout_file_in_the_docs_can_be_read() -> None:
    text = (Path(__file__).parents[3] / "docs/sources.md").read_text()
    declared = tomllib.loads(text.split("```toml\n")[1].split("```")[0])
    draft = parse_fields(declared, where="docs/sources.md")
    assert draft.boxes == (("objects", "bbox"),)
    assert list(declared) == [field.name for field in fields(Layout)]
