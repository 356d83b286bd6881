"""Thumbnails: small JPEGs of images, wherever those are; one that cannot be read costs itself."""

import base64
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from groundray.engine.conversion.pictures import read_image_file
from groundray.engine.images import make_thumbnail
from groundray.engine.sources import protocol_of
from groundray.formats.errors import GroundrayError

SIDE = 320
"""Pixels of the longer side."""

_QUALITY = 60
_THREADS = 4
_AT_ONCE = 32


def iter_thumbnails(places: Sequence[str]) -> Iterator[str | None]:
    """A thumbnail of each image as base64, in order; None for one that cannot be read.

    Some are made ahead. Once all of a group of URLs have failed, no more of them are tried: a store
    that is gone would else be waited for again and again.

    Args:
        places: paths or URLs; an empty one is no image.
    """
    gone: set[str | None] = set()
    with ThreadPoolExecutor(_THREADS, "groundray-thumbnail") as threads:
        for first in range(0, len(places), _AT_ONCE):
            group = ["" if protocol_of(p) in gone else p for p in places[first : first + _AT_ONCE]]
            found = list(threads.map(_thumbnail, group))
            tried = {protocol_of(place) for place in group if place}
            fine = {protocol_of(p) for p, data in zip(group, found, strict=True) if data}
            gone |= tried - fine - {None}
            yield from found


def _thumbnail(place: str) -> str | None:
    if not place:
        return None
    try:
        data = make_thumbnail(read_image_file(place), side=SIDE, quality=_QUALITY)
        return base64.b64encode(data).decode()
    except GroundrayError:
        return None
