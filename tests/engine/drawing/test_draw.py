import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from PIL import Image, ImageColor

from groundray.engine.cli import main
from groundray.engine.drawing.canvas import colour_of
from groundray.engine.drawing.draw import draw_examples, save_drawing
from groundray.formats import format_names, get_format
from groundray.formats.errors import FormatError, ImageError, OutputError, SourceError

SIZE = (160, 120)
OBJECTS = {"cat": (16, 12, 80, 60), "狗": (100, 70, 140, 110)}
SCALE = 7  # 160 x 120 is enlarged to 1120 x 840


def example(
    identity: str, objects: Mapping[str, Sequence[float]], *, format_name: str
) -> dict[str, Any]:
    box_format = get_format(format_name)
    xyxy = np.array(list(objects.values()), dtype=np.float64).reshape(-1, 4)
    wire = box_format.encode(xyxy, np.tile([SIZE], (len(xyxy), 1)).astype(np.float64)).tolist()
    answer = box_format.render("detection", expression=None, categories=list(objects), wire=wire)
    written: dict[str, Any] = {
        "messages": [
            {"role": "user", "content": "<image>Find them"},
            {"role": "assistant", "content": answer.assistant},
        ],
        "images": ["../../images/train-00000/a.jpg"],
        "id": identity,
    }
    return written if answer.objects is None else {**written, "objects": answer.objects}


def converted(root: str, *, format_name: str = "qwen3-vl", ids: str = "abcdefgh") -> str:
    """A converted folder, two examples a shard; returns OUTPUT/FORMAT."""
    folder = f"{root}/{format_name}"
    for number, start in enumerate(range(0, len(ids), 2)):
        shard = f"{folder}/train/train-{number:05d}-of-{len(ids) // 2:05d}.jsonl"
        with fsspec.open(shard, "w", auto_mkdir=True) as file:
            for identity in ids[start : start + 2]:
                file.write(json.dumps(example(identity, OBJECTS, format_name=format_name)) + "\n")
    with fsspec.open(f"{root}/images/train-00000/a.jpg", "wb", auto_mkdir=True) as file:
        Image.new("RGB", SIZE, "#808080").save(file, "JPEG")
    return folder


def outline(sheet: Image.Image, label: str) -> tuple[int, ...]:
    """Edges of a label's outline in pixels of the stored image, from a sheet of one example."""
    same = (np.asarray(sheet) == ImageColor.getrgb(colour_of(label))).all(axis=2)
    columns = np.flatnonzero(same.sum(axis=0) > 0.5 * same.sum(axis=0).max())
    rows = np.flatnonzero(same.sum(axis=1) > 0.5 * same.sum(axis=1).max())
    edges = np.array([columns[0], rows[0], columns[-1], rows[-1]]) - 20
    return tuple(np.rint(edges / SCALE).astype(int).tolist())


@pytest.mark.parametrize("format_name", format_names())
def test_boxes_stand_where_the_text_of_each_format_says(format_name: str, tmp_path: Path) -> None:
    drawing = draw_examples(converted(str(tmp_path), format_name=format_name), number=1)
    assert drawing.format_name == format_name
    assert drawing.num_boxes == 2
    box_format = get_format(format_name)
    for label, xyxy in OBJECTS.items():
        # as near as the family can write it: the middle of a box for points, patches for Kosmos-2
        wire = box_format.encode(np.array([xyxy], dtype=np.float64), np.array([SIZE], dtype=float))
        near = box_format.decode(wire, SIZE)[0]
        is_point = (near[:2] == near[2:]).all()  # what is seen of it is the line to its label
        assert outline(drawing.image, label) == pytest.approx(near, abs=4 if is_point else 1)


def test_a_wrong_number_in_the_text_shows_in_the_picture(tmp_path: Path) -> None:
    folder = converted(str(tmp_path), ids="ab")
    shard = Path(folder, "train", "train-00000-of-00001.jsonl")
    shard.write_text(shard.read_text().replace("[100, 100, 500, 500]", "[500, 100, 900, 500]"))
    assert outline(draw_examples(folder, number=1).image, "cat") == pytest.approx(
        (80, 12, 144, 60), abs=1
    )


@pytest.mark.parametrize(
    ("first", "number", "ids"),
    [(0, 3, "abc"), (3, 2, "de"), ("c", 1, "c"), ("g", 9, "gh"), (7, 1, "h")],
)
def test_examples_are_drawn_in_order_from_the_first(
    first: int | str, number: int, ids: str, tmp_path: Path
) -> None:
    drawing = draw_examples(converted(str(tmp_path)), first=first, number=number)
    assert drawing.ids == tuple(ids)


def test_a_shard_or_a_split_may_be_given_instead_of_a_format(tmp_path: Path) -> None:
    folder = converted(str(tmp_path))
    assert draw_examples(f"{folder}/train").ids == tuple("abcdef")
    shard = f"{folder}/train/train-00001-of-00004.jsonl"
    assert draw_examples(shard).ids == tuple("cd")


def test_examples_and_pictures_may_be_on_an_object_store() -> None:
    drawing = draw_examples(converted("memory://bucket/out"), number=2)
    save_drawing(drawing, "memory://bucket/looks/look.png", overwrite=False)
    with fsspec.open("memory://bucket/looks/look.png", "rb") as file:
        assert Image.open(file).size == drawing.image.size


def test_an_image_may_be_an_absolute_path(tmp_path: Path) -> None:
    folder = converted(str(tmp_path), ids="ab")
    shard = Path(folder, "train", "train-00000-of-00001.jsonl")
    shard.write_text(shard.read_text().replace("../../", f"{tmp_path}/"))
    shard.rename(tmp_path / "elsewhere.jsonl")
    drawing = draw_examples(str(tmp_path / "elsewhere.jsonl"), format_name="qwen3-vl", number=1)
    assert drawing.num_boxes == 2


def test_an_answer_that_names_nothing_is_drawn_without_boxes(tmp_path: Path) -> None:
    folder = converted(str(tmp_path), ids="ab")
    line = json.dumps(example("none", {}, format_name="qwen3-vl"))
    Path(folder, "train", "train-00000-of-00001.jsonl").write_text(line)
    assert draw_examples(folder).num_boxes == 0


def test_the_whole_output_is_refused_with_its_formats(tmp_path: Path) -> None:
    converted(str(tmp_path))
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(SourceError, match=r"draw one of them: .*/qwen3-vl"):
        draw_examples(str(tmp_path))


def test_a_folder_without_examples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no examples"):
        draw_examples(str(tmp_path))


def test_an_unknown_id_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no example 'zebra'"):
        draw_examples(converted(str(tmp_path)), first="zebra")


def test_a_format_that_no_folder_tells_must_be_given(tmp_path: Path) -> None:
    shard = tmp_path / "mine.jsonl"
    shard.write_text("{}\n")
    with pytest.raises(FormatError, match="--format"):
        draw_examples(str(shard))


@pytest.mark.parametrize(
    "line", ["{", "[]", "{}", '{"messages": [], "images": []}', '{"messages": 3, "images": ["a"]}']
)
def test_a_line_that_is_no_example_is_named(line: str, tmp_path: Path) -> None:
    folder = converted(str(tmp_path))
    shard = Path(folder, "train", "train-00000-of-00004.jsonl")
    shard.write_text(f"{line}\n")
    with pytest.raises(SourceError, match=r"train-00000-of-00004\.jsonl, line 1"):
        draw_examples(folder)


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    folder = converted(str(tmp_path))
    (tmp_path / "images" / "train-00000" / "a.jpg").unlink()
    with pytest.raises(ImageError, match=r"missing_image.*a\.jpg"):
        draw_examples(folder)


def test_a_picture_is_not_replaced_without_a_word(tmp_path: Path) -> None:
    drawing = draw_examples(converted(str(tmp_path)), number=1)
    look = str(tmp_path / "look.png")
    save_drawing(drawing, look, overwrite=False)
    with pytest.raises(OutputError, match="--overwrite"):
        save_drawing(drawing, look, overwrite=False)
    save_drawing(drawing, look, overwrite=True)


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ([], "abcdef"),
        (["--grid", "2"], "ab"),
        (["--id", "c"], "c"),
        (["--id", "c", "--grid", "2"], "cd"),
        (["--index", "1"], "b"),
    ],
)
def test_the_command_draws_what_it_is_asked_for(
    options: list[str], ids: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    look = tmp_path / "look.png"
    assert main(["draw", converted(str(tmp_path)), str(look), "--json", *options]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["ids"] == list(ids)
    assert said["boxes"] == 2 * len(ids)
    with Image.open(look) as image:
        assert image.format == "PNG"


def test_the_command_says_what_it_drew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    look = str(tmp_path / "look.png")
    assert main(["draw", converted(str(tmp_path)), look]) == 0
    assert capsys.readouterr().out == f"drew 6 images with 12 boxes to {look}\n"
    assert main(["draw", str(tmp_path / "qwen3-vl"), look]) == 1
    assert "error: " in capsys.readouterr().err


def predicted(root: Path, **changed: Any) -> Path:
    """A shard of one prediction: a cat that was found, a dog that was not."""
    line = {
        "id": "a",
        "image": "../a.jpg",
        "query": None,
        "targets": [
            {"category": "cat", "xyxy": [10, 10, 60, 60], "area": 1.0, "iscrowd": False},
            {"category": "dog", "xyxy": [90, 20, 150, 100], "area": 1.0, "iscrowd": False},
        ],
        "predictions": [{"category": "cat", "xyxy": [10, 12, 60, 60], "score": 0.5}],
        "text": "cat",
        "issues": [],
        "error": None,
        "format": "qwen3-vl",
    }
    shard = root / "val/val-00000-of-00001.jsonl"
    shard.parent.mkdir(parents=True)
    shard.write_text(json.dumps(line | changed) + "\n")
    Image.new("RGB", SIZE, "#808080").save(root / "a.jpg")
    return root


def test_predictions_are_drawn_beside_their_targets(tmp_path: Path) -> None:
    drawing = draw_examples(str(predicted(tmp_path)))
    assert (drawing.ids, drawing.num_boxes) == (("a",), 3)
    pixels = np.asarray(drawing.image)
    dashed = (pixels == ImageColor.getrgb(colour_of("dog"))).all(axis=2)
    side = dashed[20 + 20 * SCALE : 20 + 100 * SCALE, 20 + 150 * SCALE]
    assert 0.3 < side.mean() < 0.7


def test_what_kept_a_prediction_from_being_made_stands_below_it(tmp_path: Path) -> None:
    from groundray.engine.drawing.panels import prediction_panel

    line = json.loads(
        (
            predicted(tmp_path, error="gave up", predictions=[]) / "val/val-00000-of-00001.jsonl"
        ).read_text()
    )
    panel = prediction_panel(line, lambda: Image.new("RGB", SIZE))
    assert panel.title == "a  ·  2 targets, 0 found  ·  gave up"
    assert [mark.label for mark in panel.marks] == ["missed cat", "missed dog"]
