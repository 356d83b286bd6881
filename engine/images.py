"""Encoded images: the file bytes for one, its size, its EXIF orientation; untouched when possible.

A sound JPEG (SOI, a SOF that every decoder takes with 1 or 3 components, SOS, EOI in the last KiB)
is passed as it is, and costs microseconds: only its header is walked. Other images are decoded by
Pillow and written as JPEG. Formats: JPEG, PNG, GIF, WebP, BMP, TIFF, JPEG 2000, PPM, and AVIF where
Pillow has it; of several frames, the first.

The stored frame is that of the pixels as they lie in the file. Trainers read it as it is, viewers
turn it by the EXIF orientation; so that both see the same, a legal orientation (2 to 8) is set to
1, that tag alone, in place. Viewers ignore an illegal one (0, 9, 65537), and so do we. A TIFF's
stored frame is the turned one, since Pillow turns it while decoding.

Source: JPEG is ITU-T T.81, annex B; EXIF is CIPA DC-008 (Exif 2.32), 4.6.2 and 4.6.4 A.
"""

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from groundray.formats.errors import ImageError

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

ImageBytes = bytes | bytearray | memoryview
ImageSize = tuple[int, int]
Verify = Literal["header", "decode"]

MAX_PIXELS = 178_956_970
"""Above it Pillow, and so a trainer, refuses to open an image."""
MAX_SIDE = 65_500
"""Above it libjpeg refuses."""

_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "WEBP", "BMP", "TIFF", "JPEG2000", "PPM", "AVIF")
_SOI, _EOI, _EXIF = b"\xff\xd8", b"\xff\xd9", b"Exif\0\0"
_EOI_WITHIN_BYTES = 1024
_FILL, _SOS, _APP1 = 0xFFFF, 0xFFDA, 0xFFE1
_SOUND_SOF = frozenset({0xFFC0, 0xFFC1, 0xFFC2})  # baseline, extended, progressive, all Huffman
_PASSED_OVER = frozenset({0xFFC4, 0xFFDB, 0xFFDD, *range(0xFFE0, 0xFFF0), 0xFFFE}) - {_APP1}
_read_marker_and_length = struct.Struct(">HH").unpack_from
_read_frame = struct.Struct(">BHHB").unpack_from  # bits, height, width, components
_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_INTEGERS = {3: "H", 4: "I"}  # TIFF's SHORT and LONG
_ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """The file for one image.

    Attributes:
        data: its bytes; the very object that came in where nothing was changed.
        image_size: (width, height) of the stored frame.
        orientation: EXIF orientation found, 1 where there is none or an illegal one.
        transcoded: None where `data` is the source, byte for byte or but for the orientation tag;
            else why not: `alpha` (composited on white), `cmyk`, `16bit`, or the source's format
            (`png`, `gif`, ...; `jpeg` for one that not every decoder takes).
    """

    data: ImageBytes
    image_size: ImageSize
    orientation: int
    transcoded: str | None


def prepare_image(data: ImageBytes, *, verify: Verify) -> PreparedImage:
    """The file for one encoded image: a JPEG, always.

    Args:
        data: the encoded image, or whatever memoryview takes, such as an Arrow buffer.
        verify: `header` trusts the header of a sound JPEG; `decode` decodes every image wholly.

    Returns:
        `data` as it came, or transcoded: quality 95, no chroma subsampling, pixels in the stored
        frame, no metadata.

    Raises:
        ImageError: `empty_image`, `not_an_image` (none of the formats above), `truncated_image` (a
            JPEG without EOI is one, wherever it was cut), `image_too_large` (see `MAX_PIXELS`,
            `MAX_SIDE`), `corrupt_image` or `unsupported_image` (its pixels have no fixed range).
    """
    view = _view(data)
    header = _read_jpeg_header(view)
    if header is None:
        return _transcode(view)
    _check_size(header.image_size)
    if not _ends_with_eoi(view, header) or verify == "decode":
        decode_image(view)
    tag = header.orientation
    if tag is None:
        return PreparedImage(data, header.image_size, 1, None)
    upright = bytearray(view)
    struct.pack_into(tag.value_format, upright, tag.value_offset, 1)
    return PreparedImage(upright, header.image_size, tag.value, None)


def read_image_size(data: ImageBytes) -> tuple[ImageSize, int]:
    """((width, height) of the stored frame, EXIF orientation) from a header; no pixel is decoded.

    Args:
        data: an encoded image or its first bytes. 64 KiB do for nearly every one; where they raise,
            try the whole (a TIFF's directory may stand at its end).

    Raises:
        ImageError: as `prepare_image`, so far as a header can tell.
    """
    view = _view(data)
    header = _read_jpeg_header(view)
    if header is None:
        with _open(view) as image:
            return image.size, _pillow_orientation(image)
    _check_size(header.image_size)
    return header.image_size, header.orientation.value if header.orientation else 1


def decode_image(data: ImageBytes) -> "Image":
    """The pixels of an encoded image, in the stored frame and in the mode that it has.

    Raises:
        ImageError: as `prepare_image`.
    """
    with _open(_view(data)) as image:
        image.load()
        return image


class _OrientationTag(NamedTuple):
    """A legal EXIF orientation other than 1, and where its value stands."""

    value: int
    value_offset: int
    value_format: str


class _JpegHeader(NamedTuple):
    """What stands before the pixels of a JPEG that every decoder takes.

    Attributes:
        image_size: (width, height).
        orientation: None where it is 1.
        scan_offset: where the pixels start; the end of the bytes where they end before.
    """

    image_size: ImageSize
    orientation: _OrientationTag | None
    scan_offset: int


def _view(data: ImageBytes) -> memoryview:
    view = memoryview(data).cast("B")  # Arrow's buffers are signed
    if not view:
        raise ImageError("empty_image", "0 bytes")
    return view


def _read_jpeg_header(view: memoryview) -> _JpegHeader | None:
    """Walks the segments up to the pixels; None where this is no JPEG that every decoder takes."""
    if view[:2] != _SOI:
        return None
    image_size: ImageSize | None = None
    orientation: _OrientationTag | None = None
    for marker, start, end in _iter_segments(view):
        if marker == _APP1:
            orientation = orientation or _find_orientation(view[:end], start)
        elif marker in _SOUND_SOF and image_size is None:
            image_size = _read_frame_header(view[start:end])
            if image_size is None:
                return None
        elif marker == _SOS:
            return _JpegHeader(image_size, orientation, end) if image_size else None
        else:
            return None
    if image_size is None:
        raise ImageError("truncated_image", f"a JPEG that ends in its header, at {len(view)} bytes")
    return _JpegHeader(image_size, orientation, len(view))


def _iter_segments(view: memoryview) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end of its content) of each segment that matters, as far as the bytes go."""
    position, last = 2, len(view) - 4
    while position <= last:
        marker, length = _read_marker_and_length(view, position)
        if marker == _FILL:
            position += 1
            continue
        end = position + 2 + length
        if marker not in _PASSED_OVER:
            yield marker, position + 4, end
        position = end


def _read_frame_header(content: memoryview) -> ImageSize | None:
    """(width, height) from a SOF of 8 bits and 1 or 3 components, else None."""
    if len(content) < 6:
        return None
    bits, height, width, num_components = _read_frame(content)
    sound = bits == 8 and num_components in (1, 3) and width and height
    return (width, height) if sound and len(content) == 6 + 3 * num_components else None


def _find_orientation(view: memoryview, start: int) -> _OrientationTag | None:
    """The orientation in the EXIF data at `start`, where it is legal and not 1."""
    start += len(_EXIF)
    byte_order = _BYTE_ORDERS.get(bytes(view[start : start + 4]))
    if byte_order is None or view[start - len(_EXIF) : start] != _EXIF:
        return None
    entry = struct.Struct(byte_order + "HHI")  # tag, type, number of values
    try:
        (directory,) = struct.unpack_from(byte_order + "I", view, start + 4)
        (num_entries,) = struct.unpack_from(byte_order + "H", view, start + directory)
        first = start + directory + 2
        for offset in range(first, first + 12 * num_entries, 12):
            tag, kind, count = entry.unpack_from(view, offset)
            if tag == _ORIENTATION and kind in _INTEGERS and count == 1:
                value_format = byte_order + _INTEGERS[kind]
                (value,) = struct.unpack_from(value_format, view, offset + 8)
                return _OrientationTag(value, offset + 8, value_format) if 2 <= value <= 8 else None
    except struct.error:  # an offset or a count that points past the end
        return None
    return None


def _ends_with_eoi(view: memoryview, header: _JpegHeader) -> bool:
    """Whether EOI is in the last KiB; something else may follow it, such as a phone's video.

    EOI cannot be part of a JPEG's pixels (there FF is followed by 00 or a restart marker).
    """
    end = len(view)
    if header.scan_offset <= end - 2 and view[-1] == 0xD9 and view[-2] == 0xFF:
        return True
    if _EOI in bytes(view[max(header.scan_offset, end - _EOI_WITHIN_BYTES) :]):
        return True
    if _EOI in bytes(view[header.scan_offset :]):
        return False
    raise ImageError("truncated_image", f"a JPEG of {end} bytes without its end marker")


def _check_size(image_size: ImageSize) -> None:
    width, height = image_size
    if width * height > MAX_PIXELS or max(image_size) > MAX_SIDE:
        raise ImageError("image_too_large", f"its header says {width}x{height}")


@contextmanager
def _open(view: memoryview) -> "Iterator[ImageFile]":
    """Opens an image with Pillow; whatever goes wrong until it is closed is an ImageError."""
    from PIL import Image, UnidentifiedImageError

    Image.init()
    formats = [name for name in _FORMATS if name in Image.OPEN]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # oddities in metadata, and images that are merely large
        try:
            with Image.open(io.BytesIO(view), formats=formats) as image:
                _check_size(image.size)
                yield image
        except ImageError:
            raise
        except UnidentifiedImageError as error:
            raise ImageError("not_an_image", f"{len(view)} bytes of no known format") from error
        except Image.DecompressionBombError as error:
            raise ImageError("image_too_large", str(error)) from error
        except Exception as error:  # Pillow raises whatever its parsing stumbles on
            reason = "truncated_image" if "truncated" in str(error).lower() else "corrupt_image"
            raise ImageError(reason, str(error) or repr(error)) from error


def _pillow_orientation(image: "Image") -> int:
    exif = image.info.get("exif")  # a PNG's text may have that name too
    if not isinstance(exif, bytes):
        return 1
    tag = _find_orientation(memoryview(_EXIF + exif.removeprefix(_EXIF)), 0)
    return tag.value if tag else 1


def _transcode(view: memoryview) -> PreparedImage:
    with _open(view) as image:
        source = (image.format or "").lower()
        image.load()
        orientation = _pillow_orientation(image)
        pixels, reason = _to_jpeg_pixels(image)
        pixels.info = {}  # or the encoder writes its comment and more
        file = io.BytesIO()
        pixels.save(file, "JPEG", quality=95, subsampling=0)
        return PreparedImage(file.getvalue(), pixels.size, orientation, reason or source)


def _to_jpeg_pixels(image: "Image") -> "tuple[Image, str | None]":
    """The image in a mode that every JPEG decoder takes, and what was lost by it."""
    from PIL import Image

    if image.mode == "F":
        raise ImageError("unsupported_image", "floating-point pixels have no fixed range")
    if image.mode.startswith("I"):
        return _to_8_bits(image), "16bit"
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB"), "alpha"
    if image.mode == "CMYK":
        return image.convert("RGB"), "cmyk"
    return image.convert("L" if image.mode in ("1", "L") else "RGB"), None


def _to_8_bits(image: "Image") -> "Image":
    from PIL import Image

    pixels = np.asarray(image).astype(np.int64)
    if pixels.min() < 0 or pixels.max() > 65_535:
        raise ImageError("unsupported_image", f"pixels from {pixels.min()} to {pixels.max()}")
    return Image.fromarray(((pixels + 128) // 257).astype(np.uint8))
