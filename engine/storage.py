"""Where a run writes: a local folder, or a prefix of an object store.

Paths given to a store are relative to its root and "/"-separated. The two differ in how a finished
file appears. Locally it is written aside and renamed into place, so that a final path never shows
half a file. An object store has no rename, but an object appears only when it is whole: there a
file is written to its final key at once, and what makes it count is the commit record that is
written after it.
"""

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol, cast

from groundray.engine.sources import is_client_error
from groundray.formats.errors import OutputError
from groundray.models.urls import describe, public_name

PRIVATE = ".groundray"
"""Folder of OUTPUT for everything that is not a result: lock, staging, commit records, logs."""

_SENT_AT_ONCE = 32

Buffer = bytes | bytearray | memoryview


@contextmanager
def write_errors(shown: str) -> Iterator[None]:
    """Gives errors of writing the name of OUTPUT.

    Raises:
        OutputError: instead of an error of a file system, or of the client of an object store: no
            space, no permission, no connection.
    """
    try:
        yield
    except Exception as error:
        if not isinstance(error, OSError) and not is_client_error(error):
            raise
        reason = getattr(error, "strerror", None) or describe(error)
        raise OutputError(
            f"cannot write to {shown}: {reason}; what is finished is kept, and the same command "
            "goes on from there"
        ) from error


class Store(Protocol):
    """A folder that results are written to.

    Attributes:
        url: what a worker opens; may hold secrets.
        shown: the same for messages, without secrets.
        is_local: whether it is a folder of a file system.
    """

    url: str
    shown: str
    is_local: bool

    def read(self, path: str) -> bytes | None:
        """The whole file, or None where there is none."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Writes a whole file at once; a reader sees the old content or the new, never half."""
        ...

    def size(self, path: str) -> int | None:
        """Bytes of a file, or None where there is none."""
        ...

    def names(self, path: str) -> list[str]:
        """Sorted names in a folder; empty where there is no such folder."""
        ...

    def remove(self, path: str) -> None:
        """Removes a file or a whole folder; nothing happens where there is none."""
        ...

    def remove_files(self, paths: Sequence[str]) -> None:
        """Removes files, many at a time; nothing happens where there is none."""
        ...

    def staging(self, name: str) -> "Staging":
        """A place to write files that appear together at `Staging.publish`.

        From the first file on, and until they are published or given up, `name` stands in
        `PRIVATE`/staging: so it tells of a process that died.
        """
        ...


class Staging(Protocol):
    """Files on their way into a store."""

    def open(self, path: str) -> IO[bytes]:
        """A file to write from the start, buffered; the caller closes it."""
        ...

    def write(self, folder: str, name: str, data: Buffer) -> None:
        """Writes a whole file into a folder, which is published as one; `data` may then change."""
        ...

    def remove(self, folder: str, name: str) -> None:
        """Takes back a file that `write` wrote."""
        ...

    def publish(self) -> None:
        """Moves everything to its final path; what stood there before is replaced."""
        ...

    def discard(self) -> None:
        """Gives everything up: closes what is open and removes what was staged."""
        ...


def open_store(url: str) -> Store:
    """The store at a local path or fsspec URL; nothing is created yet.

    Raises:
        OutputError: the URL's protocol is unknown or its package is missing.
    """
    if "://" not in url:  # without fsspec, whose import is a tenth of the start
        return LocalStore(Path(url).expanduser().absolute())
    import fsspec

    try:
        fs, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise OutputError(f"cannot write to {public_name(url)}: {describe(error)}") from error
    if "file" in ([fs.protocol] if isinstance(fs.protocol, str) else fs.protocol):
        return LocalStore(Path(path))
    return ObjectStore(url, fs, path.rstrip("/"))


class LocalStore:
    """A folder of this machine, or of a file system that all machines share."""

    is_local = True

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = self.shown = str(root)

    def read(self, path: str) -> bytes | None:
        """See `Store`."""
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, path: str, data: bytes) -> None:
        """See `Store`."""
        final = self.root / path
        final.parent.mkdir(parents=True, exist_ok=True)
        aside = final.with_name(f".{final.name}.{os.getpid()}")
        try:
            aside.write_bytes(data)
            aside.replace(final)
        except OSError:
            aside.unlink(missing_ok=True)
            raise

    def size(self, path: str) -> int | None:
        """See `Store`."""
        try:
            return (self.root / path).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def names(self, path: str) -> list[str]:
        """See `Store`."""
        try:
            return sorted(os.listdir(self.root / path))  # noqa: PTH208  names, not paths
        except FileNotFoundError:
            return []

    def remove(self, path: str) -> None:
        """See `Store`."""
        _remove(self.root / path)

    def remove_files(self, paths: Sequence[str]) -> None:
        """See `Store`."""
        for path in paths:
            (self.root / path).unlink(missing_ok=True)

    def staging(self, name: str) -> "LocalStaging":
        """See `Store`."""
        return LocalStaging(self.root, self.root / PRIVATE / "staging" / name)


class LocalStaging:
    """Files written under a folder of their own, then renamed."""

    def __init__(self, root: Path, aside: Path) -> None:
        self._root = root
        self._aside = aside
        self._pieces: dict[str, Path] = {}  # what is renamed: files, and folders of many files
        self._handles: list[IO[bytes]] = []

    def open(self, path: str) -> IO[bytes]:
        """See `Staging`."""
        staged = self._piece(path)
        staged.parent.mkdir(parents=True, exist_ok=True)
        self._handles.append(staged.open("wb"))
        return self._handles[-1]

    def write(self, folder: str, name: str, data: Buffer) -> None:
        """See `Staging`."""
        if folder not in self._pieces:
            self._piece(folder).mkdir(parents=True)
        handle = os.open(
            f"{self._pieces[folder]}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666
        )
        try:
            written = os.write(handle, data)
            while written < len(data):  # a full disk or a signal can cut a write short
                written += os.write(handle, memoryview(data)[written:])
        finally:
            os.close(handle)

    def remove(self, folder: str, name: str) -> None:
        """See `Staging`."""
        (self._pieces[folder] / name).unlink()

    def publish(self) -> None:
        """See `Staging`."""
        for path, staged in self._pieces.items():
            final = self._root / path
            final.parent.mkdir(parents=True, exist_ok=True)
            if staged.is_dir():
                _remove(final)
            staged.replace(final)
        _remove(self._aside)

    def discard(self) -> None:
        """See `Staging`."""
        for handle in self._handles:
            with suppress(OSError):  # of what was not written yet: the disk may be full
                handle.close()
        _remove(self._aside)

    def _piece(self, path: str) -> Path:
        return self._pieces.setdefault(path, self._aside / path)


class ObjectStore:
    """A prefix of an object store, through fsspec."""

    is_local = False

    def __init__(self, url: str, fs: Any, root: str) -> None:
        self.url = url
        self.shown = public_name(url)
        self._fs = fs
        self._root = root

    def read(self, path: str) -> bytes | None:
        """See `Store`."""
        try:
            return cast("bytes", self._fs.cat_file(f"{self._root}/{path}"))
        except FileNotFoundError:
            return None

    def write(self, path: str, data: bytes) -> None:
        """See `Store`."""
        self._fs.pipe_file(f"{self._root}/{path}", data)

    def size(self, path: str) -> int | None:
        """See `Store`."""
        try:
            return cast("int", self._fs.info(f"{self._root}/{path}", refresh=True)["size"])
        except FileNotFoundError:
            return None

    def names(self, path: str) -> list[str]:
        """See `Store`."""
        self._fs.invalidate_cache()
        try:
            found = self._fs.ls(f"{self._root}/{path}".rstrip("/"), detail=False)
        except FileNotFoundError:
            return []
        return sorted({name.rstrip("/").rsplit("/", 1)[-1] for name in found} - {""})

    def remove(self, path: str) -> None:
        """See `Store`."""
        self._fs.invalidate_cache()
        if self._fs.exists(f"{self._root}/{path}"):
            self._fs.rm(f"{self._root}/{path}", recursive=True)

    def remove_files(self, paths: Sequence[str]) -> None:
        """See `Store`."""
        if paths:
            with suppress(FileNotFoundError):
                self._fs.rm([f"{self._root}/{path}" for path in paths])

    def staging(self, name: str) -> "ObjectStaging":
        """See `Store`; files go to their final keys, and an empty object stands for the folder."""
        return ObjectStaging(self._fs, self._root, f"{self._root}/{PRIVATE}/staging/{name}")


class ObjectStaging:
    """Files written to their final keys; they count when their commit record exists."""

    def __init__(self, fs: Any, root: str, mark: str) -> None:
        self._fs = fs
        self._root = root
        self._mark = mark
        self._handles: list[Any] = []
        self._gathered: dict[str, bytes] = {}
        fs.pipe_file(mark, b"")

    def open(self, path: str) -> IO[bytes]:
        """See `Staging`."""
        self._fs.makedirs(f"{self._root}/{path}".rsplit("/", 1)[0], exist_ok=True)
        self._handles.append(self._fs.open(f"{self._root}/{path}", "wb"))
        return cast("IO[bytes]", self._handles[-1])

    def write(self, folder: str, name: str, data: Buffer) -> None:
        """See `Staging`; some files are gathered, because they are sent at the same time."""
        self._gathered[f"{self._root}/{folder}/{name}"] = bytes(data)
        if len(self._gathered) >= _SENT_AT_ONCE:
            self._send()

    def remove(self, folder: str, name: str) -> None:
        """See `Staging`."""
        path = f"{self._root}/{folder}/{name}"
        if self._gathered.pop(path, None) is None:
            self._fs.rm_file(path)

    def publish(self) -> None:
        """See `Staging`."""
        self._send()
        self._fs.rm_file(self._mark)

    def discard(self) -> None:
        """See `Staging`; uploads that are not finished are aborted."""
        for handle in self._handles:
            if not handle.closed:
                handle.discard()
                handle.closed = True  # or its end would try to write it after all
        try:
            self._fs.rm_file(self._mark)
        except Exception as error:  # the mark may stay: what went wrong before is to be told
            if not isinstance(error, OSError) and not is_client_error(error):
                raise

    def _send(self) -> None:
        if self._gathered:
            self._fs.pipe(self._gathered)
            self._gathered = {}


def _remove(path: Path) -> None:
    while path.is_dir() and not path.is_symlink():
        try:
            shutil.rmtree(path)
        except OSError as error:  # a task of a run that was killed may write there as it dies
            if error.errno not in {errno.ENOENT, errno.ENOTEMPTY}:
                raise
    path.unlink(missing_ok=True)
