"""Pictures: the images of a batch of records, written below OUTPUT or left where they are."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from groundray.engine.arrays import from_texts, to_numpy, to_scalar, to_texts
from groundray.engine.conversion.unit_shards import TO_ROOT, UnitShards
from groundray.engine.converted import Sharing
from groundray.engine.images import ImageBytes, PreparedImage, prepare_image, read_image_size
from groundray.engine.records import BoolArray, FloatArray, IntArray, Records
from groundray.engine.shards import Tally
from groundray.engine.sources import (
    IMAGE_FAULTS,
    RowImage,
    RowImages,
    is_web,
    may_pass,
    open_file,
    protocol_of,
    unanswered,
)
from groundray.formats.errors import DamagedError, GroundrayError, ImageError
from groundray.models.urls import public_name

_HEADER_BYTES = 64 << 10
_WEB = ("http://", "https://")


class WrittenImage(NamedTuple):
    """An image file of a shard, and what was done to it."""

    slot: int
    name: str
    num_bytes: int
    orientation: int
    transcoded: str | None


@dataclass(frozen=True, slots=True)
class Pictures:
    """The images of N records, as columns.

    Attributes:
        names: `(N,)` what the examples and the truth of each record call its image.
        sizes: `(N, 2)` width and height of the stored frame.
        orientations: `(N,)` EXIF orientation that was found.
        written: N files, one object for records that share it, None where there is an error; none
            at all where images stay where they are.
        errors: what is wrong with a record's image, by its place; the columns say nothing there.
    """

    names: pa.Array
    sizes: FloatArray
    orientations: IntArray
    written: list[WrittenImage | None]
    errors: dict[int, ImageError]

    def settle(self, alive: BoolArray, shards: UnitShards) -> Tally:
        """Takes back the files that no record in `alive`, `(N,)`, needs, and counts the others."""
        tally = Tally()
        wanted = set(compress(self.written, alive.tolist()))
        for image in filter(None, dict.fromkeys(self.written)):
            if image not in wanted:
                shards.remove_image(image.slot, image.name)
                continue
            tally["images/written"] += 1
            tally["images/bytes"] += image.num_bytes
            if image.transcoded is not None:
                tally[f"images/transcoded/{image.transcoded}"] += 1
            elif image.orientation != 1:
                tally["images/orientation_reset"] += 1
        if not self.written and alive.any():
            tally["images/referred"] += int(alive.sum())
            if turned := int((self.orientations[alive] != 1).sum()):
                tally["images/orientation_left"] += turned
        return tally


class ImageCursor:
    """The images of rows that are asked for in ascending order.

    Args:
        batches: images of all rows from `first_row` on.
        first_row: row of the first image.
    """

    def __init__(self, batches: Iterator[RowImages], first_row: int) -> None:
        self._batches = batches
        self._end = first_row
        self._batch = RowImages([], None, {})
        self._damage: str | None = None

    def at(self, row: int) -> RowImage:
        """The image of a row.

        Raises:
            ImageError: it is missing, or lies behind damage in its file.
        """
        if row >= self._end:
            self._advance(row)
        image = self._batch[row - self._end]  # from the end
        if image.fault is not None:
            raise ImageError(image.fault, IMAGE_FAULTS[image.fault])
        return image

    def places(self, rows: IntArray) -> Iterator[pa.Array]:
        """Path or URL of the image of each row, some at a time; null where `at` says more."""
        done = 0
        while done < len(rows):
            if rows[done] >= self._end:
                try:
                    self._advance(int(rows[done]))
                except ImageError:
                    yield pa.nulls(len(rows) - done, pa.string())
                    return
            upto = int(np.searchsorted(rows, self._end))
            yield self._batch.places(rows[done:upto] - self._end + len(self._batch))
            done = upto

    def _advance(self, row: int) -> None:
        while row >= self._end:
            if self._damage is None:
                try:
                    self._batch = next(self._batches)
                    self._end += len(self._batch)
                    continue
                except DamagedError as error:
                    self._damage = str(error)
            raise ImageError("damaged_file", self._damage)


def copy_pictures(
    records: Records,
    slots: IntArray,
    images: ImageCursor,
    shards: UnitShards,
    *,
    verify: Literal["header", "decode"],
    bad_images: Literal["reject", "keep"] = "reject",
) -> Pictures:
    """Writes the image of every record into its shard; records of one row and shard share theirs.

    Args:
        records: N of them, in the order of their rows.
        slots: `(N,)` shard of each.
        images: of the rows.
        shards: get the files.
        verify: how much of each image is decoded.
        bad_images: "keep" writes the bytes of a bad image as they are, an empty file where there
            are none, if the record's columns tell its size.
    """
    names: list[str] = []
    written: list[WrittenImage | None] = []
    sizes: list[tuple[int, int]] = []
    errors: dict[int, ImageError] = {}
    keep_bad = bad_images == "keep"
    declared = list(zip(records.width.tolist(), records.height.tolist(), strict=True))
    last: tuple[int, int] | None = None
    name, size, file, error = "", (0, 0), None, None  # of the last row and shard
    for i, row_and_slot in enumerate(zip(records.row.tolist(), slots.tolist(), strict=True)):
        if row_and_slot != last:
            last = row, slot = row_and_slot
            name, size, file, error = "", (0, 0), None, None
            try:
                prepared = _prepare(images, row, verify, keep=declared[i] if keep_bad else None)
                file = _write(prepared, slot, records.image_key[i], shards)
                name = f"{TO_ROOT}{shards.image_folder(slot)}/{file.name}"
                size = prepared.image_size
            except ImageError as found:
                error = found
        if error is not None:
            errors[i] = error
        names.append(name)
        sizes.append(size)
        written.append(file)
    orientations = [1 if file is None else file.orientation for file in written]
    return Pictures(
        from_texts(names),
        np.array(sizes, dtype=np.float64).reshape(-1, 2),
        np.array(orientations, dtype=np.int64),
        written,
        errors,
    )


def refer_to_pictures(
    records: Records, images: ImageCursor, sharing: Sharing | None = None
) -> Pictures:
    """Leaves images where they are: reads the headers of files; URLs need width and height columns.

    Args:
        records: N of them, in the order of their rows.
        images: of the rows.
        sharing: how the images of a converted folder are named, whose columns are to be trusted.
    """
    sizes = np.stack([records.width, records.height], axis=1).astype(np.float64)
    orientations = np.ones(len(records), dtype=np.int64)
    errors: dict[int, ImageError] = {}
    names = [from_texts([])]
    done = 0
    for places in images.places(records.row):
        if sharing is None:
            names.append(places)
            known = is_web(places)
        else:
            shared = [sharing.name(place) if place else None for place in to_texts(places)]
            names.append(from_texts(shared))
            known = to_numpy(places.is_valid())
        unknown = done + np.flatnonzero(~known)
        done += len(places)
        for i in unknown.tolist():  # before the images of the next rows come
            try:
                sizes[i], orientations[i] = _look_at(images.at(int(records.row[i])).place)
            except ImageError as error:
                errors[i] = error
    for i in np.flatnonzero((sizes[:, 0] <= 0) | (sizes[:, 1] <= 0)).tolist():
        missing = ImageError(
            "no_image_size", "an image behind a URL needs width and height columns"
        )
        errors.setdefault(i, missing)
    named = pc.coalesce(pa.concat_arrays(names), to_scalar("", pa.string()))
    return Pictures(named, sizes, orientations, [], errors)


def _prepare(
    images: ImageCursor,
    row: int,
    verify: Literal["header", "decode"],
    *,
    keep: tuple[int, int] | None,
) -> PreparedImage:
    """The image of a row; a bad one, where it is to be kept, has the size `keep` if that is one."""
    data: ImageBytes = b""
    try:
        image = images.at(row)
        data = image.data or b"" if image.place is None else read_image_file(image.place)
        return prepare_image(data, verify=verify)
    except ImageError:
        if keep is None or min(keep) <= 0:
            raise
        return PreparedImage(data, keep, 1, None)


def _write(image: PreparedImage, slot: int, key: str, shards: UnitShards) -> WrittenImage:
    name = shards.image_name(slot, key)
    shards.write_image(slot, name, image.data)
    return WrittenImage(slot, name, len(image.data), image.orientation, image.transcoded)


def _look_at(place: str | None) -> tuple[tuple[int, int], int]:
    """Size and orientation of an image file, from its header."""
    protocol = None if place is None else protocol_of(place)
    if place is None:
        raise ImageError("no_image_file", "the image is in the parquet file, not in one of its own")
    if protocol is not None:
        raise ImageError("no_image_file", f"trainers read files and http URLs, not {protocol}://")
    try:
        return read_image_size(read_image_file(place, _HEADER_BYTES))
    except ImageError:
        return read_image_size(read_image_file(place))


def read_image_file(place: str, num_bytes: int | None = None) -> ImageBytes:
    """The bytes of an image file, or only the first ones.

    Raises:
        ImageError: `missing_image`, or `unreadable_image` for any other failure.
        SourceError: the store of the data set does not answer at the moment. What the web does not
            answer is gone.
    """
    try:
        with open_file(place) as handle:
            data: bytes = handle.read(num_bytes) if num_bytes else handle.read()
            return data
    except GroundrayError:
        raise
    except Exception as error:  # every store raises what its own client does
        name = public_name(place).rsplit("/", 1)[-1]
        if may_pass(error) and protocol_of(place) and not place.startswith(_WEB):
            raise unanswered(name, error) from error
        reason = "missing_image" if isinstance(error, FileNotFoundError) else "unreadable_image"
        number = getattr(error, "errno", None)
        why = os.strerror(number) if number else type(error).__name__
        raise ImageError(reason, f"{name}: {why}") from error
