"""Encoded images: the file bytes for one, its size, its EXIF orientation; untouched when possible.

A sound JPEG (SOI, a SOF that every decoder takes with 1 or 3 components, SOS, EOI in the last KiB)
is passed as it is, and costs microseconds: only its header is walked. Other images are decoded by
Pillow and written as JPEG. Formats: JPEG, PNG, GIF, WebP, BMP, TIFF, JPEG 2000, PPM, and AVIF where
Pillow has it; of several frames, the first.

The stored frame is that of the pixels as they lie in the file. Trainers read it as it is, viewers
turn it by the EXIF orientation; so that both see the same, a legal orientation (2 to 8) is set to
1, that tag alone, in place. Viewers ignore an illegal one (0, 9, 65537), and so do we. A TIFF's
stored frame is the turned one, since Pillow turns it while decoding.
"""

import io
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from groundray.engine import jpeg
from groundray.engine.jpeg import ImageSize
from groundray.formats.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

ImageBytes = bytes | bytearray | memoryview
Verify = Literal["header", "decode"]

MAX_PIXELS = 178_956_970
"""Above it Pillow, and so a trainer, refuses to open an image."""
MAX_SIDE = 65_500
"""Above it libjpeg refuses."""

_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "WEBP", "BMP", "TIFF", "JPEG2000", "PPM", "AVIF")


class PreparedImage(NamedTuple):
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
    header = jpeg.read_header(view)
    if header is None:
        return _transcode(view)
    _check_size(header.image_size)
    if not jpeg.ends_with_eoi(view, header) or verify == "decode":
        decode_image(view)
    orientation = header.orientation
    if orientation is None:
        return PreparedImage(data, header.image_size, 1, None)
    upright = jpeg.set_upright(view, orientation)
    return PreparedImage(upright, header.image_size, orientation.value, None)


def read_image_size(data: ImageBytes) -> tuple[ImageSize, int]:
    """((width, height) of the stored frame, EXIF orientation) from a header; no pixel is decoded.

    Args:
        data: an encoded image or its first bytes. 64 KiB do for nearly every one; where they raise,
            try the whole (a TIFF's directory may stand at its end).

    Raises:
        ImageError: as `prepare_image`, so far as a header can tell.
    """
    view = _view(data)
    header = jpeg.read_header(view)
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


def make_thumbnail(data: ImageBytes, *, side: int, quality: int) -> bytes:
    """A small JPEG of an encoded image, in the stored frame, without metadata.

    Args:
        data: the encoded image.
        side: pixels of the longer side, at most; a smaller image keeps its size.
        quality: of the JPEG, 1 to 95.

    Raises:
        ImageError: as `prepare_image`.
    """
    from PIL import Image

    with _open(_view(data)) as image:
        scale = min(1.0, 2 * side / max(image.size))
        image.draft(None, (int(image.width * scale), int(image.height * scale)))
        image.load()
        pixels, _ = _to_jpeg_pixels(image)
        pixels.thumbnail((side, side), Image.Resampling.LANCZOS)
        pixels.info = {}
        file = io.BytesIO()
        pixels.save(file, "JPEG", quality=quality, optimize=True)
        return file.getvalue()


def _view(data: ImageBytes) -> memoryview:
    view = memoryview(data).cast("B")  # Arrow's buffers are signed
    if not view:
        raise ImageError("empty_image", "0 bytes")
    return view


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
    return jpeg.exif_orientation(exif) if isinstance(exif, bytes) else 1


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
