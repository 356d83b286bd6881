"""Images and the frames of their boxes, through the whole of convert."""

import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from groundray.formats.errors import OutputError, SourceError
from tests.engine.coco import Row, rows, with_box, write
from tests.engine.conversion.test_convert import assert_adds_up, examples, rejects, run

LAYOUT = "coco"


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def with_image(row: Row, data: bytes) -> Row:
    return {**row, "image": {"bytes": data, "path": None}}


def turned_jpeg(orientation: int, image_size: tuple[int, int]) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(Image.new("RGB", image_size, "red"), "JPEG", exif=exif)


def truth(output: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(
        output / "truth/train/train-00000.parquet"
    ).to_pylist()
    return found


def written_image(output: Path, record: dict[str, Any]) -> bytes:
    return Path(output / "truth/train" / record["image"]).read_bytes()


def one_box(image: bytes, size: tuple[int, int], xyxy: list[float]) -> Row:
    (row,) = rows(1)
    objects = {"bbox_id": [0], "category": [0], "bbox": [xyxy], "area": [1.0]}
    return {**with_image(row, image), "width": size[0], "height": size[1], "objects": objects}


def test_a_png_becomes_a_jpeg_and_is_counted(tmp_path: Path) -> None:
    made = rows(3)
    picture = Image.open(io.BytesIO(made[1]["image"]["bytes"]))
    made[1] = with_image(made[1], encoded(picture, "PNG"))
    manifest = run(write(tmp_path / "in", {"train": made}), tmp_path / "out")
    assert manifest.images["transcoded"] == {"png": 1}
    assert written_image(tmp_path / "out", truth(tmp_path / "out")[1])[:2] == b"\xff\xd8"


def test_the_header_beats_wrong_columns(tmp_path: Path) -> None:
    row = one_box(encoded(Image.new("RGB", (200, 100)), "JPEG"), (101, 201), [50, 25, 150, 75])
    manifest = run(write(tmp_path / "in", {"train": [row]}), tmp_path / "out", layout=LAYOUT)
    assert manifest.images["size_mismatch"] == 1
    (example,) = examples(tmp_path / "out")
    assert (example["width"], example["height"]) == (200, 100)
    assert example["objects"]["bbox"] == [[250, 250, 750, 750]]


def test_an_orientation_is_reset_and_boxes_stay_in_the_stored_frame(tmp_path: Path) -> None:
    row = one_box(turned_jpeg(6, (200, 100)), (200, 100), [10, 20, 60, 50])
    manifest = run(write(tmp_path / "in", {"train": [row]}), tmp_path / "out", layout=LAYOUT)
    assert manifest.images["orientation_reset"] == 1
    (record,) = truth(tmp_path / "out")
    assert record["xyxy"] == [[10, 20, 60, 50]]
    with Image.open(io.BytesIO(written_image(tmp_path / "out", record))) as image:
        assert image.getexif()[0x0112] == 1
        assert image.size == (200, 100)


def test_boxes_of_the_turned_image_are_turned_to_the_stored_frame(tmp_path: Path) -> None:
    # displayed at 100x200 after a turn of 90 degrees clockwise: what is at its top left was at the
    # stored bottom left
    row = one_box(turned_jpeg(6, (200, 100)), (100, 200), [0, 0, 10, 40])
    manifest = run(write(tmp_path / "in", {"train": [row]}), tmp_path / "out", layout=LAYOUT)
    assert manifest.images["boxes_turned"] == 1
    assert truth(tmp_path / "out")[0]["xyxy"] == [[0, 90, 40, 100]]


def without_quantisation_tables(jpeg: bytes) -> bytes:
    """A JPEG whose header looks sound, and which no decoder can decode."""
    kept, position = jpeg[:2], 2
    while jpeg[position + 1] != 0xDA:
        end = position + 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
        kept += b"" if jpeg[position + 1] == 0xDB else jpeg[position:end]
        position = end
    return kept + jpeg[position:]


def test_verify_decode_finds_what_a_header_hides(tmp_path: Path) -> None:
    made = rows(3)
    made[1] = with_image(made[1], without_quantisation_tables(made[1]["image"]["bytes"]))
    source = write(tmp_path / "in", {"train": made})
    assert run(source, tmp_path / "header").records.written == 3
    manifest = run(source, tmp_path / "decode", verify="decode")
    assert manifest.records.rejected == {"corrupt_image": 1}


@pytest.fixture
def paths(tmp_path: Path) -> Path:
    """Three rows that name image files, of which one is missing."""
    folder = tmp_path / "in"
    (folder / "data").mkdir(parents=True)
    (folder / "pictures").mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (64, 48), "blue").save(folder / f"pictures/{name}.jpg")
    table = pa.table(
        {
            "image_path": [f"pictures/{name}.jpg" for name in ("a", "b", "gone")],
            "bbox": pa.array([[[1.0, 2.0, 31.0, 32.0]]] * 3),
            "label": pa.array([["cat"]] * 3),
        }
    )
    pq.write_table(table, folder / "data/train.parquet")
    (folder / "layout.toml").write_text(
        'image = "image_path"\nboxes = "bbox"\ncategory = "label"\n'
        'order = "xyxy"\nspace = "pixels"\n'
    )
    return folder


def test_image_files_are_copied(paths: Path, tmp_path: Path) -> None:
    manifest = run(paths, tmp_path / "out", layout=str(paths / "layout.toml"))
    assert manifest.records.written == 2
    assert manifest.records.rejected == {"missing_image": 1}
    assert rejects(tmp_path / "out")[0]["detail"].endswith("gone.jpg: No such file or directory")
    record = truth(tmp_path / "out")[0]
    assert written_image(tmp_path / "out", record) == (paths / "pictures/a.jpg").read_bytes()
    assert_adds_up(manifest)


def test_images_that_were_put_in_place_since_are_found_with_overwrite(
    paths: Path, tmp_path: Path
) -> None:
    layout = str(paths / "layout.toml")
    run(paths, tmp_path / "out", layout=layout)
    Image.new("RGB", (64, 48), "green").save(paths / "pictures/gone.jpg")
    assert run(paths, tmp_path / "out", layout=layout).records.written == 2
    assert run(paths, tmp_path / "out", layout=layout, overwrite=True).records.written == 3


def test_another_image_root_is_another_configuration(paths: Path, tmp_path: Path) -> None:
    layout = str(paths / "layout.toml")
    run(paths, tmp_path / "out", layout=layout)
    with pytest.raises(OutputError, match="image_root"):
        run(paths, tmp_path / "out", layout=layout, image_root=str(paths))


def test_image_files_are_referred_to(paths: Path, tmp_path: Path) -> None:
    layout = str(paths / "layout.toml")
    manifest = run(paths, tmp_path / "out", layout=layout, images="reference")
    assert [e["images"] for e in examples(tmp_path / "out")] == [
        [str(paths / f"pictures/{name}.jpg")] for name in ("a", "b")
    ]
    assert examples(tmp_path / "out")[0]["width"] == 64
    assert manifest.images == {"referred": 2}
    assert not (tmp_path / "out/images").exists()


def test_embedded_images_cannot_be_referred_to(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no files to refer to"):
        run(write(tmp_path / "in", {"train": rows(2)}), tmp_path / "out", images="reference")


def test_ids_that_are_no_file_names_stay_inside_the_folder(tmp_path: Path) -> None:
    made = rows(2)
    boxed = [with_box(row, 0, [1, 2, 30, 40]) for row in made]
    source = write(tmp_path / "in", {"train": boxed})
    table = pq.read_table(source / "data/train.parquet")
    column = pa.array(["../../escape", "a/b\nc"])
    table = table.set_column(0, "image_id", column)
    pq.write_table(table, source / "data/train.parquet")
    run(source, tmp_path / "out", layout=LAYOUT)
    names = sorted(p.name for p in (tmp_path / "out/images/train-00000").iterdir())
    assert names == ["..%2F..%2Fescape.jpg", "a%2Fb%0Ac.jpg"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "out"]


class Pictures(BaseHTTPRequestHandler):
    """One image that is there, one that is not, and a server that stumbles."""

    data = b""

    def do_HEAD(self) -> None:
        self.respond(404 if self.path == "/b.jpg" else 200, b"")

    def do_GET(self) -> None:
        status = {"/a.jpg": 200, "/b.jpg": 404}.get(self.path, 500)
        self.respond(status, self.data if status == 200 else b"")

    def respond(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(self.data) if status == 200 else 0))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the HTTP client leaves its loop open
def test_a_url_that_fails_costs_one_record(tmp_path: Path) -> None:
    handler = type("Handler", (Pictures,), {"data": rows(1)[0]["image"]["bytes"]})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"http://127.0.0.1:{server.server_port}"
    table = pa.table(
        {
            "image": [f"{host}/{name}.jpg" for name in ("a", "b", "c")],
            "bbox": pa.array([[[1.0, 2.0, 31.0, 32.0]]] * 3),
            "label": pa.array([["cat"]] * 3),
        }
    )
    (tmp_path / "in").mkdir()
    pq.write_table(table, tmp_path / "in/train.parquet")
    manifest = run(tmp_path / "in", tmp_path / "out", layout="voc")
    server.shutdown()
    server.server_close()
    assert manifest.records.written == 1
    assert manifest.records.rejected == {"missing_image": 1, "unreadable_image": 1}
    assert_adds_up(manifest)
