"""The page from predictions: what is in it, how large it gets, and what it does without images."""

import io
from pathlib import Path

import pytest
from PIL import Image

from groundray.engine.evaluation.evaluate import evaluate_coco
from groundray.engine.images import make_thumbnail
from groundray.engine.report import report, thumbnails
from groundray.engine.report.thumbnails import iter_thumbnails
from groundray.formats.errors import ImageError
from tests.engine.report.reports_made import LINES, better, data_of, make_report
from tests.engine.scoring.made import line, random_lines, said, target


def test_the_same_predictions_give_the_same_bytes(tmp_path: Path) -> None:
    pages = [make_report(tmp_path / name, {"base": LINES}) for name in "ab"]
    assert pages[0].read_bytes() == pages[1].read_bytes()
    assert str(tmp_path) not in pages[0].read_text()


def test_it_holds_the_scores_and_every_record(tmp_path: Path) -> None:
    data = data_of(make_report(tmp_path, {"before": LINES, "after": better(LINES)}))
    assert [run["name"] for run in data["runs"]] == ["before", "after"]
    assert data["runs"][0]["operating_point"]["f1_50"] == round(4 / 11, 5)
    gallery = data["gallery"]
    assert (gallery["total"], gallery["missing_images"], len(gallery["records"])) == (6, 0, 6)
    assert all(len(record["answers"]) == 2 for record in gallery["records"])


def test_records_of_one_image_share_its_thumbnail(tmp_path: Path) -> None:
    lines = [line(id=str(i), image="images/one.jpg", query=f"cup {i}") for i in range(5)]
    page = make_report(tmp_path, {"base": lines})
    assert len(data_of(page, "thumbnails")) == 1
    assert {record["thumbnail"] for record in data_of(page)["gallery"]["records"]} == {0}


def test_missing_images_are_counted_once_each(tmp_path: Path) -> None:
    lines = [line(id=str(i), image=f"{i % 2}/same.jpg", query=f"cup {i}") for i in range(4)]
    gallery = data_of(make_report(tmp_path, {"base": lines}, images=False))["gallery"]
    assert gallery["missing_images"] == 2
    assert [record["thumbnail"] for record in gallery["records"]] == [None] * 4


def test_a_record_may_have_no_image_at_all(tmp_path: Path) -> None:
    lines = [{**line(id="1"), "image": None}, line(id="2", image="")]
    page = make_report(tmp_path, {"base": lines}, images=False)
    assert {record["link"] for record in data_of(page)["gallery"]["records"]} == {None}


def test_more_records_than_are_asked_for_are_sampled(tmp_path: Path) -> None:
    page = make_report(tmp_path, {"base": random_lines(1, 60)}, gallery=20)
    gallery = data_of(page)["gallery"]
    assert (len(gallery["records"]), gallery["total"], gallery["by_mistake"]) == (20, 60, 10)


def test_none_may_be_asked_for(tmp_path: Path) -> None:
    page = make_report(tmp_path, {"base": LINES}, gallery=0)
    assert data_of(page)["gallery"]["records"] == []


def test_a_full_page_takes_no_more_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MAX_BYTES", 3_000)
    gallery = data_of(make_report(tmp_path, {"base": LINES}))["gallery"]
    assert 0 < len(gallery["records"]) < len(LINES)


def test_coco_files_have_a_page_without_pictures(tmp_path: Path) -> None:
    pair = Path(__file__).parents[2] / "data/evalpairs/hotcoco_zero"
    evaluate_coco(str(pair / "gt.json"), [str(pair / "dt.json")], str(tmp_path / "out"))
    data = data_of(tmp_path / "out/report.html")
    assert data["runs"][0]["coco"]["AP"] == 1.0
    assert data["gallery"]["records"] == []


def test_an_unmatched_number_of_boxes_is_no_trouble(tmp_path: Path) -> None:
    boxes = [said("cup", (i, 0, i + 5, 5)) for i in range(90)]
    page = make_report(tmp_path, {"base": [line([target("cup", (0, 0, 5, 5))], boxes)]})
    (record,) = data_of(page)["gallery"]["records"]
    assert record["answers"][0]["numBoxes"] == 90


def test_a_thumbnail_is_small_and_keeps_the_stored_frame() -> None:
    image = Image.effect_noise((1600, 800), 50).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif)
    small = Image.open(io.BytesIO(make_thumbnail(file.getvalue(), side=320, quality=60)))
    assert small.size == (320, 160)
    assert not small.getexif()


def test_other_kinds_of_images_have_thumbnails_too() -> None:
    for mode in ("RGBA", "L", "CMYK", "P", "I;16"):
        file = io.BytesIO()
        name = "TIFF" if mode == "CMYK" else "PNG"
        Image.new(mode, (20, 10)).save(file, name)
        small = Image.open(io.BytesIO(make_thumbnail(file.getvalue(), side=320, quality=60)))
        assert small.size == (20, 10)


def test_a_store_that_is_gone_is_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def read(place: str) -> bytes:
        asked.append(place)
        raise ImageError("unreadable_image", "gone")

    monkeypatch.setattr(thumbnails, "read_image_file", read)
    found = list(iter_thumbnails([f"https://gone.example/{i}.jpg" for i in range(500)]))
    assert found == [None] * 500
    assert len(asked) < 50
