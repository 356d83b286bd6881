"""Image files: the bytes that a row holds, or the file that it names."""

from collections import Counter
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from groundray.engine.sources.columns import child, follow, to_numpy, to_texts
from groundray.engine.sources.layout import Path
from groundray.engine.sources.places import (
    exists,
    join,
    normalize,
    parent,
    protocol_of,
    public_name,
)
from groundray.engine.sources.source import SourceFile

_WEB = ("http://", "https://")
_TRIES = 8  # files of one folder that are looked for before the folder counts as missing


class RowImage(NamedTuple):
    """The image of one row.

    Attributes:
        data: its bytes, where the row holds them; a view that keeps the whole batch in memory.
        place: else what to open, a path or URL.
        fault: else why there is neither: one of `IMAGE_FAULTS`.
    """

    data: memoryview | None
    place: str | None
    fault: str | None


IMAGE_FAULTS = {
    "null_image": "there are neither bytes nor a path",
    "image_path_outside": "the image's path leads out of the data set",
}
"""What can be wrong with a row's image before it is looked at."""


class ImageFinder:
    """Finds the image files that the rows of one source file name.

    A relative path is looked for in the file's folder, then in each folder above up to the data
    set's root; or in the image root alone, where one was given. The first file that is found
    settles it for all files of its folder, so that a folder costs one search and not one a row.
    Nothing is read outside of these folders: an absolute path or URL counts only where it leads
    into them, except for http URLs, which are taken as they are. Files without a data set are our
    own truth files, whose paths are taken as they are.
    """

    def __init__(self, file: SourceFile, image_root: str | None) -> None:
        self._bases = [image_root] if image_root else _folders_above(file)
        root = image_root or file.dataset
        self._root = root.rstrip("/") + "/" if root else ""
        self._prefixes: dict[str, str] = {}  # folder as rows name it -> what to put before a name
        self._misses: Counter[str] = Counter()

    def find(self, path: str) -> str | None:
        """What to open for a path that a row gives; None where it leads out of the data set.

        A file that is nowhere comes out as the first place where it was looked for.
        """
        if path.startswith(_WEB):
            return path
        folder, _, name = path.rpartition("/")
        prefix = self._prefixes.get(folder)
        return self._search(path, folder, name) if prefix is None else prefix + name

    def _search(self, path: str, folder: str, name: str) -> str | None:
        places = self._places(path)
        if not places or not name:
            return None
        for place in places:
            if exists(place):
                self._prefixes[folder] = place[: len(place) - len(name)]
                return place
        self._misses[folder] += 1
        if self._misses[folder] >= _TRIES:
            self._prefixes[folder] = places[0][: len(places[0]) - len(name)]
        return places[0]

    def _places(self, path: str) -> list[str]:
        """Where the file may be, nearest to the source file first; nothing outside of the root."""
        path = path.removeprefix("file://")
        is_absolute = path.startswith("/") or protocol_of(path) is not None
        places = [path] if is_absolute else [join(base, path) for base in self._bases]
        return [place for place in map(normalize, places) if place.startswith(self._root)]


def read_images(path: Path, batch: pa.RecordBatch, finder: ImageFinder) -> list[RowImage]:
    """The images of a batch, from the field at `path`: bytes, or else where the file is."""
    data, names = _split(follow(batch, path).values)
    images = [_NOTHING] * len(batch) if data is None else _views(data)
    if names is not None:
        find = finder.find
        for i, name in enumerate(to_texts(names)):
            if name and images[i] is _NOTHING:
                place = find(name)
                images[i] = _OUTSIDE if place is None else RowImage(None, place, None)
    return images


_NOTHING = RowImage(None, None, "null_image")
_OUTSIDE = RowImage(None, None, "image_path_outside")


def _views(array: pa.Array) -> list[RowImage]:
    """The values of a binary array without copying them, as scalars of it would."""
    column = array.cast(pa.large_binary())
    (_, offsets, values) = column.buffers()
    ends = np.frombuffer(offsets, np.int64)[column.offset :][: len(column) + 1].tolist()
    whole = memoryview(values or b"").cast("B")
    images = [RowImage(whole[start:end], None, None) for start, end in pairwise(ends)]
    for i in np.flatnonzero(to_numpy(column.is_null())).tolist() if column.null_count else ():
        images[i] = _NOTHING
    return images


def _split(array: pa.Array) -> tuple[pa.Array | None, pa.Array | None]:
    """Bytes and paths of an image column; None for what its type cannot hold."""
    if pt.is_struct(array.type):
        parts = {field.name: child(array, field.name) for field in array.type}
        return parts.get("bytes"), parts.get("path")
    return (None, array) if pt.is_string(array.type) else (array, None)


def _folders_above(file: SourceFile) -> list[str]:
    folder = parent(public_name(file.url))
    if not file.dataset:
        return [folder or ""]
    folders = []
    while folder is not None and (folder == file.dataset or folder.startswith(file.dataset + "/")):
        folders.append(folder)
        folder = parent(folder)
    return folders
