"""Image files: the bytes that a row holds, or the file that it names."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from groundray.engine.arrays import from_numpy, from_texts, to_numpy, to_texts
from groundray.engine.records import BoolArray, IntArray
from groundray.engine.sources.columns import follow
from groundray.engine.sources.layout import Path
from groundray.engine.sources.parquet import struct_fields
from groundray.engine.sources.places import exists, join, normalize, parent, protocol_of
from groundray.engine.sources.source import SourceFile
from groundray.models.urls import public_name

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


class RowImages(Sequence[RowImage]):
    """The images of N rows, as columns: an object a row would cost more than reading its boxes.

    Args:
        data: bytes of each row, None where it holds none; None where no row does.
        places: `(N,)` path or URL of each row, null where it has none; None where no row has.
        faults: what is wrong with a row, by its index; rows with neither need not be told.
    """

    def __init__(
        self,
        data: list[memoryview | None] | None,
        places: pa.Array | None,
        faults: dict[int, str],
    ) -> None:
        self._data = data
        self._places = places
        self._faults = faults
        columns = [column for column in (data, places) if column is not None]
        self._len = len(columns[0]) if columns else 0

    def __len__(self) -> int:
        return self._len

    @overload
    def __getitem__(self, index: int) -> RowImage: ...
    @overload
    def __getitem__(self, index: slice) -> list[RowImage]: ...
    def __getitem__(self, index: int | slice) -> RowImage | list[RowImage]:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        index = range(len(self))[index]  # from the start
        data = None if self._data is None else self._data[index]
        place = None if self._places is None else self._places[index].as_py()
        fault = None if data is not None or place is not None else "null_image"
        return RowImage(data, place, self._faults.get(index, fault))

    def places(self, indices: IntArray) -> pa.Array:
        """Path or URL of some rows; null where a row has none."""
        if self._places is None:
            return pa.nulls(len(indices), pa.string())
        return self._places.take(from_numpy(indices))


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


def read_images(path: Path, batch: pa.RecordBatch, finder: ImageFinder) -> RowImages:
    """The images of a batch, from the field at `path`: bytes, or else where the file is."""
    data, names = image_fields(batch.schema, path)
    return find_images(
        None if data is None else _views(follow(batch, data).values),
        None if names is None else follow(batch, names).values,
        finder,
    )


def image_fields(schema: pa.Schema, path: Path) -> tuple[Path | None, Path | None]:
    """Where the bytes and the names of the images at `path` are; None for what there is not."""
    field = schema.field(path[0])
    for name in path[1:]:
        field = next(inner for inner in struct_fields(field.type) if inner.name == name)
    if pt.is_struct(field.type):
        inside = {inner.name for inner in field.type}
        bytes_path, name_path = (*path, "bytes"), (*path, "path")
        return bytes_path if "bytes" in inside else None, name_path if "path" in inside else None
    return (None, path) if pt.is_string(field.type) else (path, None)


def find_images(
    data: list[memoryview | None] | None, names: pa.Array | None, finder: ImageFinder
) -> RowImages:
    """The images of N rows.

    Args:
        data: bytes of each, None where there are none; None where rows hold none.
        names: `(N,)` what each calls its file, likewise.
        finder: of the files of rows without bytes.
    """
    if names is None:
        return RowImages(data, None, {})
    if data is not None:
        held = np.array([view is not None for view in data], dtype=np.bool_)
        names = pc.if_else(from_numpy(held), pa.nulls(len(held), names.type), names)
    if (is_web(names) | to_numpy(names.is_null())).all():
        return RowImages(data, names, {})
    texts = to_texts(names)
    places = [finder.find(text) if text else None for text in texts]
    outside = {
        i: "image_path_outside"
        for i, (text, place) in enumerate(zip(texts, places, strict=True))
        if place is None and text
    }
    return RowImages(data, from_texts(places), outside)


def is_web(places: pa.Array) -> BoolArray:
    """`(N,)` whether a place is behind an http URL, which trainers read as well as files."""
    known = to_numpy(places.is_valid())
    starts = [to_numpy(pc.starts_with(places, protocol)) for protocol in _WEB]
    found: BoolArray = known & (starts[0] | starts[1])
    return found


def _views(array: pa.Array) -> list[memoryview | None]:
    """The values of a binary array without copying them, as scalars of it would."""
    column = array.cast(pa.large_binary())
    (_, offsets, values) = column.buffers()
    ends = np.frombuffer(offsets, np.int64)[column.offset :][: len(column) + 1].tolist()
    whole = memoryview(values or b"").cast("B")
    views: list[memoryview | None] = [whole[start:end] for start, end in pairwise(ends)]
    for i in np.flatnonzero(to_numpy(column.is_null())).tolist() if column.null_count else ():
        views[i] = None
    return views


def _folders_above(file: SourceFile) -> list[str]:
    folder = parent(public_name(file.url))
    if not file.dataset:
        return [folder or ""]
    folders = []
    while folder is not None and (folder == file.dataset or folder.startswith(file.dataset + "/")):
        folders.append(folder)
        folder = parent(folder)
    return folders
