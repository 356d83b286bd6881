"""Files that mean harm: each costs itself, in bounded time and memory."""

import io
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from groundray.engine.sources.footer_checks import check_footer
from groundray.formats.errors import SourceError
from tests.engine.prediction.predictions_made import write_predictions
from tests.engine.scoring.made import line
from tests.hostile.made import convert, jpeg, manifest, rejects, row, run, write

pytestmark = pytest.mark.untraced

MB = 1 << 20


def encoded(kind: str, size: tuple[int, int] = (64, 48), mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.radial_gradient("L").resize(size).convert(mode).save(file, kind)
    return file.getvalue()


def png(width: int, height: int, pixels: bytes = b"") -> bytes:
    """A PNG that says it has this size, whatever pixels it has."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    content = chunk(b"IDAT", zlib.compress(pixels, 9))
    return b"\x89PNG\r\n\x1a\n" + header + content + chunk(b"IEND", b"")


def resized(data: bytes, at: int, kind: str, size: tuple[int, int]) -> bytes:
    """An image whose header says another size."""
    return data[:at] + struct.pack(kind, *size) + data[at + struct.calcsize(kind) :]


def webp() -> bytes:
    data = encoded("WEBP")
    return resized(data, data.index(b"\x9d\x01\x2a") + 3, "<HH", (16_383, 16_383))


def tiff() -> bytes:
    file = io.BytesIO()
    Image.new("1", (50_000, 50_000)).save(file, "TIFF", compression="group4")
    return file.getvalue()


IMAGES: dict[str, tuple[Callable[[], bytes], str | None]] = {
    "a PNG of 50,000 x 50,000": (lambda: png(50_000, 50_000), "image_too_large"),
    "a PNG of 65,535 x 1": (lambda: encoded("PNG", (65_535, 1)), "image_too_large"),
    "a PNG of 65,500 x 1": (lambda: encoded("PNG", (65_500, 1)), None),
    "a PNG with 300 MB behind its pixels": (lambda: png(10, 10, bytes(300 * MB)), None),
    "a PNG cut short": (lambda: encoded("PNG")[:200], "truncated_image"),
    "a GIF of 50,000 x 50,000": (
        lambda: resized(encoded("GIF"), 6, "<HH", (50_000, 50_000)),
        "image_too_large",
    ),
    "a WebP that says 16,383 x 16,383": (webp, "image_too_large"),
    "a TIFF of 50,000 x 50,000": (tiff, "image_too_large"),
    "a JPEG that says 65,535 x 65,535": (
        lambda: resized(jpeg(), jpeg().index(b"\xff\xc0") + 5, ">HH", (65_535, 65_535)),
        "image_too_large",
    ),
    "a JPEG that says 0 x 0": (
        lambda: resized(jpeg(), jpeg().index(b"\xff\xc0") + 5, ">HH", (0, 0)),
        "not_an_image",
    ),
    "text": (lambda: b"<svg>" * 100_000, "not_an_image"),
    "a program": (lambda: b"\x7fELF" + bytes(1000), "not_an_image"),
}


def peak_mb(command: list[str]) -> tuple[int, str]:
    """Most memory of a process, MB, and what it printed."""
    program = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]); "
        "print('PEAK', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024); "
        "sys.exit(done.returncode)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    printed, _, peak = done.stdout.rpartition("PEAK ")
    return int(peak), printed


def test_images_that_mean_harm_cost_their_record_and_little_memory(tmp_path: Path) -> None:
    rows = [
        row(name, data=make(), bbox=[(0.0, 0.0, 1.0, 1.0)]) for name, (make, _) in IMAGES.items()
    ]
    write([*rows, row("sound")], tmp_path / "data" / "train.parquet")
    command = [sys.executable, "-m", "groundray.engine", "convert", str(tmp_path / "data")]
    options = ["--format", "qwen3-vl", "--layout", "voc", "--max-reject-ratio", "1"]
    peak, _ = peak_mb([*command, str(tmp_path / "out"), *options, "--runner", "local"])
    expected = {name: reason for name, (_, reason) in IMAGES.items() if reason is not None}
    assert rejects(tmp_path / "out") == expected
    assert manifest(tmp_path / "out")["records"]["written"] == len(IMAGES) - len(expected) + 1
    assert peak < 400


def test_a_parquet_file_with_flipped_bytes_ends_in_a_result_or_an_error_of_ours() -> None:
    peak, printed = peak_mb([sys.executable, "-m", "tests.hostile.flips", "0", "300"])
    summary = json.loads(printed.splitlines()[-1])
    assert not [name for name in summary["counts"] if name == "BUG"], printed
    assert min(summary["counts"][name] for name in ("ok", "rejects", "SourceError")) > 5
    assert peak < 400


def footer_of(table: pa.Table, **options: object) -> tuple[bytes, pq.FileMetaData]:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    data = file.getvalue()
    length = int.from_bytes(data[-8:-4], "little")
    return data[-8 - length : -8], pq.read_metadata(io.BytesIO(data))


def test_every_footer_that_pyarrow_writes_passes_and_tells_empty_columns() -> None:
    nulls = pa.array([None, None, None, None], pa.list_(pa.struct([("a", pa.string())])))
    table = pa.table(
        {
            "numbers": [1, 2, None, 4],
            "nulls": nulls,
            "text": pa.array(["a", "b", None, "d"]).dictionary_encode(),
            "flags": [True, None, False, True],
            "none": pa.array([None] * 4, pa.int32()),
            "map": pa.array([[("k", 1.0)]] * 4, pa.map_(pa.string(), pa.float64())),
            "fixed": pa.array([b"1234"] * 4, pa.binary(4)),
        }
    )
    for options in (
        {},
        {"row_group_size": 1},
        {"compression": "zstd", "version": "1.0"},
        {"write_page_index": True, "write_page_checksum": True, "store_decimal_as_integer": True},
        {"use_byte_stream_split": ["numbers"], "use_dictionary": False},
    ):
        content, metadata = footer_of(table, **options)
        paths = [metadata.schema.column(i).path for i in sorted(check_footer(content, metadata))]
        assert paths == ["nulls.list.element.a", "none"]
    assert check_footer(*footer_of(table, write_statistics=False)) == frozenset()


def test_a_footer_of_another_schema_is_refused() -> None:
    content, _ = footer_of(pa.table({"a": [1]}))
    for other in ({"a": ["x"]}, {"a": [[1]]}, {"a": [1], "b": [2]}, {"a": [1.5]}):
        _, metadata = footer_of(pa.table(other))
        with pytest.raises(SourceError, match="corrupt"):
            check_footer(content, metadata)
    _, metadata = footer_of(pa.table({"a": [1]}))
    for end in range(len(content) - 1):
        with pytest.raises(SourceError, match="corrupt"):
            check_footer(content[:end], metadata)


def test_text_that_is_no_utf_8_is_damage_of_its_file(tmp_path: Path) -> None:
    place = write(
        [row("1", category="zzzz")], tmp_path / "data" / "train.parquet", compression="none"
    )
    place.write_bytes(place.read_bytes().replace(b"zzzz", b"zz\xbe\xff"))
    write([row("2")], tmp_path / "data" / "train-1.parquet")
    assert convert(tmp_path / "data", tmp_path / "out") == 0
    (unread,) = manifest(tmp_path / "out")["unreadable_files"]
    assert unread["path"] == "train.parquet"
    assert "UTF8" in unread["reason"]


def test_wide_and_deep_tables_and_huge_rows_are_read(tmp_path: Path) -> None:
    deep, value = pa.int32(), 1
    for _ in range(200):
        deep, value = pa.list_(deep), [value]  # type: ignore[assignment]
    place = tmp_path / "data" / "train.parquet"
    table = pq.read_table(
        write([row("boxes", bbox=[(1.0, 2.0, 3.0, 4.0)] * 200_000), row("x" * 5_000_000)], place)
    )
    more = {f"column {i}": pa.array([i, i]) for i in range(2_000)}
    more["deep"] = pa.array([value, value], deep)
    columns = dict(zip(table.column_names, table.columns, strict=True)) | more
    pq.write_table(pa.table(columns), place)
    assert convert(tmp_path / "data", tmp_path / "out") == 0
    assert manifest(tmp_path / "out")["boxes"]["written"] == 200_001


BROKEN = (
    *("", "null", "[]", "{", '{"id": 1}', "\x00", '{"id": "1", "targets": 3}', "[" * 100_000),
    *(
        '{"id":"1","image":"a","width":1e999,"height":1,"query":null,"targets":[],"predictions":[]}',
    ),
)


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: text[:20])
def test_lines_that_are_no_predictions_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    place = Path(write_predictions(tmp_path / "run", [line(id="1"), line(id="2")], checkpoint="a"))
    (file,) = place.rglob("*.jsonl")
    file.write_text(f"{file.read_text()}{text}\n")
    status = run("evaluate", place, tmp_path / "out")
    printed = capsys.readouterr().err
    if text == "":  # empty lines are passed over
        assert status == 0
        return
    assert status == 1
    assert printed.startswith("error: ")
    assert "line 3: " in printed
    assert len(printed) < 2_000


def test_runaway_answers_are_read_scored_and_shown_in_bounded_memory(tmp_path: Path) -> None:
    write([row(str(i)) for i in range(3)], tmp_path / "data" / "val.parquet")
    text = '[{"bbox_2d": [1, 2, 300, 400], "label": "cat"}, '
    runaway = text * (3 * MB // len(text))
    lines = [{"id": "0", "text": runaway}, {"id": "1", "text": "\x00\x1b\ud800" * MB}]
    lines += [{"id": "2", "text": "[" * MB}]
    (tmp_path / "said.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    data, out = tmp_path / "data", tmp_path / "out"
    status = run(
        *(
            "predict",
            data,
            out,
            "--checkpoint",
            tmp_path / "said.jsonl",
            "--format",
            "qwen3-vl-json",
        ),
        *("--layout", "voc", "--runner", "local"),
    )
    assert status == 0
    assert run("evaluate", out / "said", tmp_path / "scores") == 0
    assert (tmp_path / "scores" / "report.html").stat().st_size < 40 * MB
    assert run("draw", out / "said", tmp_path / "look.png") == 0
