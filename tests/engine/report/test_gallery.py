"""What the page is told about a record, and where its image is said to be."""

import pytest

from groundray.engine.evaluation.outcomes import BoxOutcome, ImageOutcome
from groundray.engine.report.gallery import MAX_BOXES, MAX_CHARS, GalleryBuilder, link_to


def box(kind: str, category: str | None = "cup") -> BoxOutcome:
    return BoxOutcome(category, (1.26, 2, 30.04, 40), "small", kind, 0, 0.876, 0.12345)


def record(**other: object) -> ImageOutcome:
    fields = {
        "id": "7",
        "image": "/data/images/7.jpg",
        "width": 64,
        "height": 48,
        "query": None,
        "text": "a cup",
        "issues": (),
        "error": None,
        "targets": (box("right"),),
        "predictions": (box("right"),),
        "errors": {},
        "f1_50": 1.0,
    }
    return ImageOutcome(**{**fields, **other})  # type: ignore[arg-type]


def test_a_record_is_written_small() -> None:
    builder = GalleryBuilder(["7"], 2, "/data/out")
    builder.add(1, [record()])
    records, places, categories = builder.finish()
    assert (places, categories) == (["/data/images/7.jpg"], ["cup"])
    assert records[0]["targets"] == [[0, 1.3, 2, 30, 40, 0]]
    assert records[0]["link"] == "../images/7.jpg"
    answers = records[0]["answers"]
    assert answers[0] is None
    assert answers[1]["targets"] == [[0, 0, 0.88]]
    assert answers[1]["boxes"] == [[0, 1.3, 2, 30, 40, 0, 0, 0, 0.88, 0.123]]


def test_only_records_that_are_asked_for_are_kept_in_their_order() -> None:
    builder = GalleryBuilder(["3", "1"], 1, None)
    builder.add(0, [record(id=each) for each in "123"])
    records, _, _ = builder.finish()
    assert [each["id"] for each in records] == ["3", "1"]


def test_runaway_answers_are_cut_and_counted() -> None:
    builder = GalleryBuilder(["7"], 1, None)
    builder.add(0, [record(text="x" * 10_000, predictions=(box("invented"),) * 1_000)])
    (answer,) = builder.finish()[0][0]["answers"]
    assert (len(answer["text"]), answer["chars"]) == (MAX_CHARS, 10_000)
    assert (len(answer["boxes"]), answer["numBoxes"]) == (MAX_BOXES, 1_000)


def test_boxes_of_expressions_have_one_class_whatever_was_said() -> None:
    builder = GalleryBuilder(["7"], 1, None)
    builder.add(0, [record(query="the left cup", predictions=(box("right", None),))])
    records, _, categories = builder.finish()
    assert categories == ["(expression)"]
    assert records[0]["answers"][0]["boxes"][0][0] == 0


def test_a_box_without_a_label_has_no_category() -> None:
    builder = GalleryBuilder(["7"], 1, None)
    builder.add(0, [record(predictions=(box("invented", None),))])
    assert builder.finish()[0][0]["answers"][0]["boxes"][0][0] is None


@pytest.mark.parametrize(
    ("image", "link"),
    [
        ("/data/images/a b#1?.jpg", "../images/a%20b%231%3F.jpg"),
        ("file:///data/images/1.jpg", "../images/1.jpg"),
        ("https://user:secret@host/1.jpg?token=secret", "https://host/1.jpg"),
        ("s3://bucket/1.jpg", None),
        ("javascript://host/%0Aalert(1)", None),
        ("", None),
    ],
)
def test_a_link_leads_to_the_image_or_nowhere(image: str, link: str | None) -> None:
    assert link_to(image, "/data/out") == link


def test_a_page_elsewhere_has_no_links_to_this_machine() -> None:
    assert link_to("/data/images/1.jpg", None) is None
