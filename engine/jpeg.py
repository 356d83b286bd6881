"""The header of a JPEG: what tells its size, its EXIF orientation, and whether it is whole.

Source: ITU-T T.81, annex B, for JPEG; CIPA DC-008 (Exif 2.32), 4.6.2 and 4.6.4 A, for EXIF.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from groundray.formats.errors import ImageError

ImageSize = tuple[int, int]

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


class Orientation(NamedTuple):
    """A legal EXIF orientation other than 1, and where its value stands."""

    value: int
    offset: int
    format: str


class JpegHeader(NamedTuple):
    """What stands before the pixels of a JPEG that every decoder takes.

    Attributes:
        image_size: (width, height).
        orientation: None where it is 1.
        scan_offset: where the pixels start; the end of the bytes where they end before.
    """

    image_size: ImageSize
    orientation: Orientation | None
    scan_offset: int


def read_header(view: memoryview) -> JpegHeader | None:
    """Walks the segments up to the pixels; None where this is no JPEG that every decoder takes."""
    if view[:2] != _SOI:
        return None
    image_size: ImageSize | None = None
    orientation: Orientation | None = None
    for marker, start, end in _iter_segments(view):
        if marker == _APP1:
            orientation = orientation or _find_orientation(view[:end], start)
        elif marker in _SOUND_SOF and image_size is None:
            image_size = _read_frame_header(view[start:end])
            if image_size is None:
                return None
        elif marker == _SOS:
            return JpegHeader(image_size, orientation, end) if image_size else None
        else:
            return None
    if image_size is None:
        raise ImageError("truncated_image", f"a JPEG that ends in its header, at {len(view)} bytes")
    return JpegHeader(image_size, orientation, len(view))


def ends_with_eoi(view: memoryview, header: JpegHeader) -> bool:
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


def set_upright(view: memoryview, orientation: Orientation) -> bytearray:
    """A copy in which the orientation is 1, and every other byte as it was."""
    upright = bytearray(view)
    struct.pack_into(orientation.format, upright, orientation.offset, 1)
    return upright


def exif_orientation(exif: bytes) -> int:
    """The orientation that EXIF data, as Pillow gives it, holds; 1 where none or an illegal one."""
    data = _EXIF + exif.removeprefix(_EXIF)
    orientation = _find_orientation(memoryview(data), 0)
    return orientation.value if orientation else 1


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


def _find_orientation(view: memoryview, start: int) -> Orientation | None:
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
                return Orientation(value, offset + 8, value_format) if 2 <= value <= 8 else None
    except struct.error:  # an offset or a count that points past the end
        return None
    return None
