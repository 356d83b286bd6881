"""Parquet files: footers, and rows in batches whose memory does not follow the row group."""

import errno
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain, islice, repeat
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pt

from groundray.engine.sources.footer_checks import check_footer, schema_of
from groundray.engine.sources.layout import Path
from groundray.engine.sources.pages import BinaryColumn
from groundray.engine.sources.places import READ_ERRORS, may_pass, open_file, protocol_of
from groundray.engine.sources.source import SourceFile
from groundray.formats.errors import ChangedError, DamagedError, SourceError
from groundray.models.urls import describe

_TAIL_BYTES = 64 << 10
_READ_BYTES = 1 << 20  # measured: a group of 485 MB reads within 190 MB, and faster than at once
_MAX_BATCH_ROWS = 1 << 16
_LARGE_GROUP_BYTES = 32 << 20
_MAGIC = b"PAR1"
_VERSIONS = ("ETag", "blob_id", "generation", "LastModified", "Last-Modified")
"""What file systems of fsspec call the version of a file: of S3, the Hub, Google, the web."""

_ARROW_SCHEMA, _NO_ARROW_SCHEMA = b"ARROW:schema", b"arrow_schema"
"""The key of the writer's own Arrow types, and another in its place, so that pyarrow does without.

With it, a null among boxes of a fixed size makes a whole file unreadable (pyarrow 25: "Expected all
lists to be of size=4"); without it, lists are lists and text is text, whoever wrote them.
"""


class Footer(NamedTuple):
    """The end of a parquet file: everything but the values.

    Attributes:
        size_bytes: of the whole file.
        sha256: of the footer, in hexadecimal.
        version: changes whenever the file is written; None where its store tells no such thing.
        metadata: row groups, statistics and the parquet schema.
        schema: columns as Arrow types.
    """

    size_bytes: int
    sha256: str
    version: str | None
    metadata: pq.FileMetaData
    schema: pa.Schema


class FooterFacts(NamedTuple):
    """A footer without its statistics: 1 KB where these take 10 KB a row group.

    Attributes:
        size_bytes, sha256, version, schema: as in `Footer`.
        row_groups: rows in each.
        empty: parquet columns without a value in any row, as the statistics tell.
    """

    size_bytes: int
    sha256: str
    version: str | None
    row_groups: tuple[int, ...]
    schema: pa.Schema
    empty: frozenset[int]

    def is_empty(self, path: Path) -> bool:
        """Whether a field has no value in any row."""
        return self.empty.issuperset(leaves_of(self.schema, path))


def read_new_footer(handle: Any) -> FooterFacts:
    """Reads the footer of an open file that was not looked at before.

    Raises:
        SourceError: the file is no whole parquet file, or one that pyarrow would die of; the
            message is only what is wrong with it.
    """
    footer, content = _read_footer(handle)
    metadata = footer.metadata
    empty = check_footer(content, metadata)
    return FooterFacts(
        size_bytes=footer.size_bytes,
        sha256=footer.sha256,
        version=footer.version,
        row_groups=tuple(metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)),
        schema=footer.schema,
        empty=empty,
    )


def _read_footer(handle: Any) -> tuple[Footer, bytes]:
    """The footer, as a rule with a single read at the end of a file, and its bytes."""
    handle.seek(0, 2)
    size = handle.tell()
    if size < 12:
        raise SourceError(
            "the file is empty" if size == 0 else f"a file of {size} bytes is no parquet"
        )
    handle.seek(max(0, size - _TAIL_BYTES))
    tail = bytes(handle.read())
    if tail[-4:] != _MAGIC:
        raise SourceError("the file does not end as parquet does: truncated or corrupt")
    length = int.from_bytes(tail[-8:-4], "little")
    if length + 12 > size:
        raise SourceError("the footer's length is wrong: corrupt")
    if length + 8 > len(tail):
        handle.seek(size - length - 8)
        tail = bytes(handle.read())
    content = tail[-8 - length : -8]
    plain = content.replace(_ARROW_SCHEMA, _NO_ARROW_SCHEMA)
    try:
        metadata = pq.read_metadata(pa.BufferReader(_MAGIC + plain + tail[-8:]))
        schema = schema_of(metadata).to_arrow_schema()
    except READ_ERRORS as error:
        raise SourceError(f"the footer cannot be read: {describe(error)}") from error
    digest = hashlib.sha256(content).hexdigest()
    return Footer(size, digest, _version_of(handle), metadata, schema), content


def _version_of(handle: Any) -> str | None:
    """What changes whenever an open file is written: a tag that its store gives it, or the time."""
    if isinstance(handle, pa.NativeFile):
        return str(os.fstat(handle.fileno()).st_mtime_ns)
    details: Mapping[str, Any] = getattr(handle, "details", None) or {}
    return next((str(details[name]) for name in _VERSIONS if details.get(name)), None)


class OpenParquet(NamedTuple):
    """A parquet file that is open for reading."""

    file: SourceFile
    handle: Any
    footer: Footer

    def leaves(self, paths: Sequence[Path]) -> list[int]:
        """Indices of the parquet columns under `paths`."""
        return sorted({leaf for path in paths for leaf in leaves_of(self.footer.schema, path)})

    def iter_batches(
        self, paths: Sequence[Path], start: int, stop: int, *, batch_bytes: int
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Batches of rows [start, stop), only `paths`, each with its first row's number.

        Raises:
            DamagedError: the values cannot be decoded.
            SourceError: they cannot be read at the moment.
        """
        if start >= stop:
            return
        leaves = self.leaves(paths)
        groups, first = _covering_groups(self.footer.metadata, start, stop)
        size = _batch_size(self.footer.metadata, groups, leaves, batch_bytes)
        for batch in self._iter_groups(groups, leaves, size.rows):
            low, high = max(start - first, 0), min(stop - first, len(batch))
            if low < high:
                yield first + low, batch.slice(low, high - low)
            first += len(batch)
            if size.is_large:  # else mimalloc keeps twice what is in use
                pa.default_memory_pool().release_unused()
            if first >= stop:
                return
        if first < stop:
            raise DamagedError(
                f"{self.file.relative}: a column ends at row {first:,} of {stop:,}: corrupt"
            )

    def iter_binary(
        self, path: Path, start: int, stop: int, *, batch_bytes: int
    ) -> Iterator[list[memoryview | None]]:
        """The values of rows [start, stop) of a field of bytes, some at a time; None where null.

        Memory follows a value and `batch_bytes`, not what the file is written in. Views stay as
        they are.

        Raises:
            NotStreamedError: the rows behind those that were given are for `iter_batches`.
            SourceError: they cannot be read at the moment.
        """
        (leaf,) = leaves_of(self.footer.schema, path)
        groups, first = _covering_groups(self.footer.metadata, start, stop)
        columns = (BinaryColumn(self.handle, self.footer.metadata, g, leaf) for g in groups)
        skipped = chain([start - first], repeat(0))
        values = islice(
            chain.from_iterable(map(BinaryColumn.iter_values, columns, skipped)), stop - start
        )
        while True:
            with _errors_of(self.file):
                batch: list[memoryview | None] = []
                num_bytes = 0
                for value in values:
                    batch.append(value)
                    num_bytes += len(value or b"")
                    if num_bytes >= batch_bytes or len(batch) >= _MAX_BATCH_ROWS:
                        break
            if not batch:
                return
            yield batch

    def _iter_groups(
        self, groups: Sequence[int], leaves: Sequence[int], num_rows: int
    ) -> Iterator[pa.RecordBatch]:
        if not groups:
            return
        metadata = self.footer.metadata
        schema = schema_of(metadata)
        with _errors_of(self.file):
            reader = pq.ParquetFile(
                self.handle, metadata=metadata, pre_buffer=False, buffer_size=_READ_BYTES
            )
            batches = reader.iter_batches(
                num_rows,
                row_groups=groups,
                columns=[schema.column(leaf).path for leaf in leaves],
                use_threads=False,
            )
        while True:
            with _errors_of(self.file):
                batch = next(batches, None)
                if batch is None:
                    return
                batch.validate(full=True)  # text that is no UTF-8; 30 ns a text
            yield batch


@contextmanager
def open_parquet(file: SourceFile) -> Iterator[OpenParquet]:
    """Opens a file of a source, and makes sure that it is still the one that was planned with.

    Raises:
        ChangedError: it was written again since, before it was opened or while it was read.
        SourceError: it cannot be read at the moment.
    """
    with ExitStack() as stack:
        try:
            with _errors_of(file):
                handle = stack.enter_context(open_file(file.url))
                footer, _ = _read_footer(handle)  # the same that was checked, or refused below
        except DamagedError as error:  # it was sound when the plan was made
            raise _changed(file) from error
        found = (footer.size_bytes, footer.sha256, footer.version)
        if found != (file.size_bytes, file.footer_sha256, file.version):
            raise _changed(file)
        try:
            yield OpenParquet(file, handle, footer)
        finally:
            if _version_of(handle) != file.version:  # what came out may be of both
                raise _changed(file)


def _changed(file: SourceFile) -> ChangedError:
    return ChangedError(f"{file.relative}: the file has changed since it was first looked at")


@contextmanager
def _errors_of(file: SourceFile) -> Iterator[None]:
    """Gives errors of reading the name of the file, and tells damage from what may pass."""
    try:
        yield
    except SourceError as error:
        raise DamagedError(f"{file.relative}: cannot be read: {error}") from error
    except Exception as error:
        number = getattr(error, "errno", None)
        if number == errno.EBUSY and protocol_of(file.url):  # what s3fs says of another ETag
            raise _changed(file) from error
        is_elsewhere = number is not None or may_pass(error)
        if not is_elsewhere and not isinstance(error, READ_ERRORS):
            raise
        kind = SourceError if is_elsewhere else DamagedError
        raise kind(f"{file.relative}: cannot be read: {describe(error)}") from error


def leaves_of(schema: pa.Schema, path: Path) -> range:
    """Indices of the parquet columns that hold the field at `path`, structs and lists included.

    Raises:
        KeyError: there is no such field.
    """
    first = 0
    fields: list[pa.Field] = list(schema)
    found: pa.Field | None = None
    for name in path:
        for found in fields:
            if found.name == name:
                break
            first += _num_leaves(found.type)
        else:
            raise KeyError(name)
        fields = struct_fields(found.type)
    if found is None:
        raise KeyError("")
    return range(first, first + _num_leaves(found.type))


def struct_fields(type_: pa.DataType) -> list[pa.Field]:
    """Fields of a struct, or of the structs in a list."""
    while pt.is_list(type_):
        type_ = type_.value_type
    return [type_.field(i) for i in range(type_.num_fields)] if pt.is_struct(type_) else []


def _num_leaves(type_: pa.DataType) -> int:
    if type_.num_fields == 0:
        return 1
    return sum(_num_leaves(type_.field(i).type) for i in range(type_.num_fields))


def _covering_groups(metadata: pq.FileMetaData, start: int, stop: int) -> tuple[list[int], int]:
    """Row groups that hold rows [start, stop), and the number of the first row in them."""
    groups: list[int] = []
    first, begin = start, 0
    for group in range(metadata.num_row_groups):
        end = begin + metadata.row_group(group).num_rows
        if begin < stop and end > start and end > begin:
            first = begin if not groups else first
            groups.append(group)
        begin = end
    return groups, first


class _BatchSize(NamedTuple):
    rows: int
    is_large: bool  # the row group, not the batch


def _batch_size(
    metadata: pq.FileMetaData, groups: Sequence[int], leaves: Sequence[int], batch_bytes: int
) -> _BatchSize:
    sizes = []
    rows = 0
    for group in groups:
        chunk = metadata.row_group(group)
        rows += chunk.num_rows
        sizes.append(sum(chunk.column(leaf).total_uncompressed_size for leaf in leaves))
    fitting = batch_bytes * rows // max(sum(sizes), 1)
    return _BatchSize(
        max(1, min(_MAX_BATCH_ROWS, fitting)), max(sizes, default=0) > _LARGE_GROUP_BYTES
    )
