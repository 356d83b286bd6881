import io
import struct
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from groundray.engine.images import MAX_PIXELS, prepare_image, read_image_size
from groundray.formats.errors import ImageError

SAMPLE = Path(__file__).parents[1] / "data" / "coco_small_ccby" / "data"
ORIENTATION = 0x0112


@cache
def coco_images() -> pa.Array:
    table = pq.read_table(sorted(SAMPLE.glob("*.parquet")), columns=["image"])
    return table["image"].combine_chunks().field("bytes")


@cache
def coco_jpeg() -> bytes:
    smallest: bytes = min(coco_images().to_pylist(), key=len)
    return smallest


@cache
def picture(mode: str = "RGB", size: tuple[int, int] = (32, 20)) -> Image.Image:
    return Image.radial_gradient("L").resize(size).convert(mode)


def encoded(image: Image.Image, file_format: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def jpeg_with_orientation(value: int, *, kind: str = "H", byte_order: str = "<") -> bytes:
    """A JPEG whose EXIF holds ImageWidth, Orientation and an offset that must stay as it is."""
    type_number = {"H": 3, "I": 4}[kind]
    entries = [
        struct.pack(byte_order + "HHII", 0x0100, 4, 1, 1234),
        struct.pack(byte_order + "HHI" + kind, ORIENTATION, type_number, 1, value).ljust(12, b"\7"),
        struct.pack(byte_order + "HHII", 0x8769, 4, 1, 50),
    ]
    exif = {"<": b"II*\0", ">": b"MM\0*"}[byte_order] + struct.pack(byte_order + "IH", 8, 3)
    return encoded(picture(), exif=b"Exif\0\0" + exif + b"".join(entries) + bytes(4))


def read_back(data: bytes | bytearray | memoryview) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    assert image.format == "JPEG"
    image.load()
    return image


def test_every_sample_image_is_passed_byte_for_byte() -> None:
    for data in coco_images().to_pylist():
        prepared = prepare_image(data, verify="decode")
        assert prepared.data is data
        assert prepared.image_size == Image.open(io.BytesIO(data)).size
        assert (prepared.orientation, prepared.transcoded) == (1, None)


def test_an_arrow_buffer_is_passed_without_a_copy() -> None:
    buffer = pa.py_buffer(coco_jpeg())
    assert prepare_image(buffer, verify="header").data is buffer
    view = memoryview(buffer)
    assert prepare_image(view, verify="header").data is view


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("progressive", [False, True], ids=["baseline", "progressive"])
def test_colour_and_grayscale_jpegs_are_passed(mode: str, *, progressive: bool) -> None:
    data = encoded(picture(mode), progressive=progressive)
    assert prepare_image(data, verify="decode").data is data


@pytest.mark.parametrize("tail", [b"\0" * 100, b"\0" * 5000], ids=["short", "longer than 1 KiB"])
def test_bytes_after_the_end_marker_are_kept(tail: bytes) -> None:
    data = encoded(picture()) + tail
    assert prepare_image(data, verify="header").data is data


def test_fill_bytes_between_segments_are_allowed() -> None:
    data = encoded(picture())
    data = data[:2] + b"\xff\xff\xff" + data[2:]
    assert prepare_image(data, verify="header").data is data


@pytest.mark.parametrize("byte_order", ["<", ">"], ids=["little endian", "big endian"])
@pytest.mark.parametrize("kind", ["H", "I"], ids=["short", "long"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_of_a_turned_jpeg_the_tag_alone_is_set_to_1(
    orientation: int, kind: str, byte_order: str
) -> None:
    data = jpeg_with_orientation(orientation, kind=kind, byte_order=byte_order)
    prepared = prepare_image(data, verify="decode")
    assert prepared.data == jpeg_with_orientation(1, kind=kind, byte_order=byte_order)
    assert (prepared.orientation, prepared.transcoded) == (orientation, None)
    assert prepared.image_size == (32, 20)
    assert read_back(prepared.data).getexif()[ORIENTATION] == 1


@pytest.mark.parametrize(
    ("value", "kind"), [(0, "H"), (1, "H"), (9, "H"), (65535, "H"), (65537, "I")]
)
def test_an_orientation_that_viewers_ignore_is_left_alone(value: int, kind: str) -> None:
    data = jpeg_with_orientation(value, kind=kind)
    prepared = prepare_image(data, verify="header")
    assert prepared.data is data
    assert prepared.orientation == 1


@pytest.mark.parametrize(
    ("image", "file_format", "transcoded"),
    [
        (picture(), "PNG", "png"),
        (picture("L"), "PNG", "png"),
        (picture("1"), "PNG", "png"),
        (picture("P"), "PNG", "png"),
        (picture("RGBA"), "PNG", "alpha"),
        (picture("LA"), "PNG", "alpha"),
        (picture("CMYK"), "JPEG", "cmyk"),
        (picture("P"), "GIF", "gif"),
        (picture(), "WEBP", "webp"),
        (picture(), "BMP", "bmp"),
        (picture(), "TIFF", "tiff"),
        (picture("CMYK"), "TIFF", "cmyk"),
        (picture(), "JPEG2000", "jpeg2000"),
        (picture(), "PPM", "ppm"),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else value,
)
def test_other_images_become_a_jpeg_that_looks_the_same(
    image: Image.Image,
    file_format: str,
    transcoded: str,
) -> None:
    data = encoded(image, file_format)
    prepared = prepare_image(data, verify="header")
    assert prepared.transcoded == transcoded
    assert prepared.image_size == (32, 20)
    found = np.asarray(read_back(prepared.data).convert("RGB"), dtype=np.int64)
    assert np.abs(found - np.asarray(image.convert("RGB"))).max() <= 12
    assert prepare_image(data, verify="decode") == prepared


def flat(value: Any, mode: str) -> Image.Image:
    return Image.new(mode, (16, 16), value)


@pytest.mark.parametrize(
    ("image", "file_format", "gray"),
    [
        (flat((0, 0, 0, 0), "RGBA"), "PNG", 255),
        (flat((0, 0, 0, 128), "RGBA"), "PNG", 127),
        (flat((0, 128), "LA"), "PNG", 127),
        (flat((0, 0, 0, 64), "RGBA"), "WEBP", 191),
        (Image.fromarray(np.full((16, 16), 65535, dtype=np.uint16)), "PNG", 255),
        (Image.fromarray(np.full((16, 16), 257 * 100, dtype=np.uint16)), "TIFF", 100),
        (Image.fromarray(np.full((16, 16), 257 * 100, dtype=np.int32)), "TIFF", 100),
        (flat(1, "1"), "PNG", 255),
    ],
)
def test_what_jpeg_cannot_hold_becomes_the_gray_that_is_seen(
    image: Image.Image,
    file_format: str,
    gray: int,
) -> None:
    data = encoded(image, file_format, **({"lossless": True} if file_format == "WEBP" else {}))
    prepared = prepare_image(data, verify="header")
    assert abs(int(np.asarray(read_back(prepared.data)).mean()) - gray) <= 1


def test_a_transparent_palette_colour_is_white() -> None:
    data = encoded(flat(0, "P"), "GIF", transparency=0)
    prepared = prepare_image(data, verify="header")
    assert prepared.transcoded == "alpha"
    assert read_back(prepared.data).getpixel((5, 5)) == (255, 255, 255)


def test_of_an_animation_the_first_frame_is_taken() -> None:
    data = encoded(flat(200, "L"), "GIF", save_all=True, append_images=[flat(10, "L")])
    assert read_back(prepare_image(data, verify="header").data).convert("L").getpixel((5, 5)) == 200


def test_a_transcoded_image_keeps_its_stored_frame_and_no_metadata() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    data = encoded(picture(), "PNG", exif=exif, dpi=(300, 300))
    prepared = prepare_image(data, verify="header")
    assert (prepared.orientation, prepared.image_size) == (6, (32, 20))
    assert not read_back(prepared.data).getexif()


def test_a_tiff_is_stored_as_pillow_turns_it() -> None:
    data = encoded(picture(), "TIFF", tiffinfo={ORIENTATION: 6})
    prepared = prepare_image(data, verify="header")
    assert (prepared.orientation, prepared.image_size) == (1, (20, 32))
    assert read_image_size(data) == ((20, 32), 1)


def test_a_text_named_exif_is_no_exif() -> None:
    text = PngInfo()
    text.add_text("exif", "orientation: 6")
    assert prepare_image(encoded(picture(), "PNG", pnginfo=text), verify="header").orientation == 1


def test_only_one_frame_header_is_believed() -> None:
    data = encoded(picture())
    sof = data.index(b"\xff\xc0")
    twice = data[:sof] + data[sof : sof + 19] + data[sof:]
    with suppress(ImageError):
        assert prepare_image(twice, verify="header").transcoded == "jpeg"


def reason_of(data: bytes, *, verify: Any = "header") -> str:
    with pytest.raises(ImageError) as caught:
        prepare_image(data, verify=verify)
    return caught.value.reason


def bmp_header(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IIIIiiHHIIiiII", 100, 0, 54, 40, width, height, 1, 24, *[0] * 6)


def with_size(jpeg: bytes, width: int, height: int) -> bytes:
    sof = jpeg.index(b"\xff\xc0")
    return jpeg[: sof + 5] + struct.pack(">HH", height, width) + jpeg[sof + 9 :]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_image"),
        (b"\0" * 10_000, "not_an_image"),
        (b"<html>404</html>", "not_an_image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not_an_image"),
        (b"\xff\xd8", "truncated_image"),
        (b"\xff\xd8\xff\xe0", "truncated_image"),
        (b"\xff\xd8 and then text", "not_an_image"),
        (encoded(picture(), "PNG")[:-30], "truncated_image"),
        (encoded(picture(), "BMP")[:-30], "truncated_image"),
        (encoded(picture("CMYK"))[:-30], "truncated_image"),
        (encoded(picture(), "WEBP")[:-30], "corrupt_image"),
        (bmp_header(60_000, 60_000), "image_too_large"),
        (bmp_header(MAX_PIXELS // 1000 + 1, 1000), "image_too_large"),
        (with_size(encoded(picture()), 60_000, 60_000), "image_too_large"),
        (with_size(encoded(picture()), 65_535, 10), "image_too_large"),
        (encoded(picture("F"), "TIFF"), "unsupported_image"),
        (encoded(flat(70_000, "I"), "TIFF"), "unsupported_image"),
    ],
)
def test_what_is_no_image_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    assert reason_of(data) == reason


@pytest.mark.parametrize("cut", [1, 2, 3, 500, 5000, 20_000])
@pytest.mark.parametrize("verify", ["header", "decode"])
def test_a_jpeg_without_its_end_is_truncated(cut: int, verify: str) -> None:
    assert reason_of(coco_jpeg()[:-cut], verify=verify) == "truncated_image"


def test_a_jpeg_cut_anywhere_in_its_header_is_truncated() -> None:
    data = encoded(picture())
    header = data.index(b"\xff\xda")
    assert {reason_of(data[:cut]) for cut in range(2, header)} == {"truncated_image"}


def test_an_end_marker_in_a_thumbnail_does_not_count() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\0\0" + encoded(picture(size=(4, 4)))
    data = encoded(picture(), exif=exif)
    assert reason_of(data[:-2]) == "truncated_image"


def test_only_decoding_finds_what_a_header_cannot_tell() -> None:
    data = bytearray(encoded(picture(), progressive=True))
    scan = data.index(b"\xff\xda")
    data[scan + 2 : scan + 4] = b"\0\x05"
    assert prepare_image(data, verify="header").data is data
    assert reason_of(bytes(data), verify="decode") in {"corrupt_image", "truncated_image"}


@pytest.mark.parametrize("sof", [0xC3, 0xC9], ids=["lossless", "arithmetic"])
def test_a_coding_that_not_every_decoder_takes_is_never_passed(sof: int) -> None:
    data = bytearray(encoded(picture()))
    data[data.index(b"\xff\xc0") + 1] = sof
    with suppress(ImageError):
        assert prepare_image(data, verify="header").transcoded == "jpeg"


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "JPEG2000"])
def test_the_size_of_every_format_is_read(file_format: str) -> None:
    assert read_image_size(encoded(picture(), file_format)) == ((32, 20), 1)


def test_the_size_is_read_from_the_first_bytes() -> None:
    assert read_image_size(jpeg_with_orientation(6)[:400]) == ((32, 20), 6)
    assert read_image_size(coco_jpeg()[:2048])[0] == Image.open(io.BytesIO(coco_jpeg())).size
    with pytest.raises(ImageError, match="truncated_image"):
        read_image_size(jpeg_with_orientation(6)[:100])


mutations = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(["put", "cut out", "insert", "cut off"]),
        st.binary(min_size=1, max_size=6) | st.sampled_from([b"\xff\xff", b"\0\0", b"\xff\xd9"]),
    ),
    max_size=6,
)
mutable = st.sampled_from(
    [
        jpeg_with_orientation(6),
        jpeg_with_orientation(3, kind="I", byte_order=">"),
        encoded(picture("L"), progressive=True),
        encoded(picture("RGBA"), "PNG"),
        encoded(picture("P"), "GIF"),
        encoded(picture(), "TIFF"),
        encoded(picture(), "WEBP"),
    ]
)


def mutated(data: bytes, changes: list[tuple[float, str, bytes]]) -> bytes:
    for where, what, content in changes:
        at = int(where * len(data))
        if what == "cut off":
            data = data[:at]
        else:
            rest = at + (0 if what == "insert" else len(content))
            data = data[:at] + (b"" if what == "cut out" else content) + data[rest:]
    return data


@given(mutable, mutations, st.sampled_from(["header", "decode"]))
def test_hostile_bytes_raise_nothing_but_image_errors(
    data: bytes, changes: list[tuple[float, str, bytes]], verify: Any
) -> None:
    data = mutated(data, changes)
    try:
        prepared = prepare_image(data, verify=verify)
    except ImageError:
        return
    assert prepared.image_size == read_image_size(data)[0]
    if prepared.transcoded is None:
        different = sum(a != b for a, b in zip(data, prepared.data, strict=True))
        assert different <= (0 if prepared.orientation == 1 else 4)
