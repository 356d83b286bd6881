"""Shards: how outputs are named, written, and made to exist all at once.

A unit writes its files aside, publishes them, and then writes a commit record: the record is what
makes them count. A unit without one is done again, to the same bytes.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b, sha256
from types import TracebackType
from typing import IO, Any, cast
from urllib.parse import quote
from uuid import uuid4

import orjson

from groundray.engine.lock import publishing
from groundray.engine.storage import PRIVATE, Buffer, Store
from groundray.formats.errors import OutputError

COMMITS = f"{PRIVATE}/commits"
TOKEN = f"{PRIVATE}/token"

Tally = Counter[str]
"""Counts by "/"-separated names, such as `boxes/dropped/zero_area`; tallies of units add up."""

MAX_NAME_BYTES = 100

_FOLDER_NAME = re.compile(r"[^\W_][\w .,@%+=()~-]{0,79}")


def shard_name(split: str, index: int, total: int) -> str:
    """`train-00000`; of more than 100,000 shards wider, so that names sort as numbers do."""
    width = max(5, len(str(total - 1)))
    return f"{split}-{index:0{width}d}"


def counted_name(split: str, index: int, total: int) -> str:
    """`train-00000-of-00008`: the shard's name where the total belongs to it."""
    return f"{shard_name(split, index, total)}-of-{total:05d}"


def file_stem(key: str) -> str:
    """A file name, without suffix, for an image's key.

    Integers are padded to 12 digits, as COCO's own names are; other text is percent-encoded, and
    hashed where that takes more than 100 bytes. No key leads out of the folder.

    >>> file_stem("9"), file_stem("a/b c"), file_stem("..")
    ('000000000009', 'a%2Fb%20c', '%2E%2E')
    """
    if key.isascii() and key.isdigit() and len(key) <= 12:
        return key.zfill(12)
    stem = quote(key, safe="", errors="surrogatepass")
    if not stem.strip("."):
        stem = stem.replace(".", "%2E")
    if len(stem) > MAX_NAME_BYTES:
        return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return stem


def is_folder_name(name: str) -> bool:
    r"""Whether a name that others chose can be a folder of OUTPUT as it stands.

    >>> [is_folder_name(name) for name in ("base model", "..", "a/b", "a\nb", "", "C:\\")]
    [True, False, False, False, False, False]
    """
    return _FOLDER_NAME.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One file that a unit wrote; `lines` counts its examples or records."""

    path: str
    bytes: int
    sha256: str
    lines: int


@dataclass(frozen=True, slots=True)
class Commit:
    """What a finished unit wrote and counted; `state` is that of the files it was made from."""

    unit: int
    files: tuple[OutputFile, ...]
    tally: Mapping[str, int]
    state: str = ""

    def to_json(self) -> bytes:
        """The commit record."""
        return orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def from_json(cls, data: bytes) -> "Commit":
        """Undoes `to_json`; raises ValueError or KeyError on anything else."""
        fields = orjson.loads(data)
        files = tuple(OutputFile(**file) for file in fields["files"])
        return cls(fields["unit"], files, fields["tally"], fields["state"])


class UnitWriter:
    """Writes the files of one unit; as a context manager it leaves nothing open.

    Args:
        store: where results go.
        unit: index of the unit.
        token: of the run that the unit belongs to; a task that outlived its run publishes nothing.
    """

    def __init__(self, store: Store, unit: int, token: str) -> None:
        self._store = store
        self._unit = unit
        self._token = token
        self._staging = store.staging(f"{unit:06d}/{uuid4().hex[:8]}")
        self._open: dict[str, _HashedFile] = {}

    def __enter__(self) -> "UnitWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._staging.discard()

    def write_image(self, folder: str, name: str, data: Buffer) -> None:
        """Writes a file into a folder of images."""
        self._staging.write(folder, name, data)

    def remove_image(self, folder: str, name: str) -> None:
        """Takes an image back."""
        self._staging.remove(folder, name)

    def append(self, path: str, data: Buffer, *, lines: int) -> None:
        """Adds to a file, which exists from the first call on, even if empty."""
        if path not in self._open:
            self._open[path] = _HashedFile(path, self._staging.open(path))
        self._open[path].write(data, lines)

    def sink(self, path: str) -> IO[bytes]:
        """A file to write from the start, which counts as one of the unit's."""
        self.append(path, b"", lines=0)
        return cast("IO[bytes]", self._open[path])

    def commit(self, tally: Mapping[str, int], *, state: str = "") -> Commit:
        """Publishes everything and writes the commit record.

        Where another task has finished the unit meanwhile, what this one wrote is given up.

        Args:
            tally: what was counted.
            state: of the files that the unit was made from (`Unit.state`).

        Raises:
            OutputError: another run has taken over OUTPUT since this one began.
        """
        files = tuple(self._open[path].finish() for path in sorted(self._open))
        commit = Commit(self._unit, files, dict(sorted(tally.items())), state)
        with publishing(self._store):
            if self._store.read(TOKEN) != self._token.encode():
                raise OutputError(f"another run has taken over {self._store.shown}: this one stops")
            if earlier := read_commit(self._store, self._unit):
                self._staging.discard()
                return earlier
            self._staging.publish()
            self._store.write(commit_path(self._unit), commit.to_json())
        return commit


def num_attempts(store: Store, unit: int) -> int:
    """How many processes of this start began a unit and ended: what they staged is still there."""
    return len(store.names(f"{PRIVATE}/staging/{unit:06d}"))


def commit_path(unit: int) -> str:
    """Where the commit record of a unit stands."""
    return f"{COMMITS}/{unit:06d}.json"


def read_commit(store: Store, unit: int) -> Commit | None:
    """The record of a unit that is done but not yet folded, or None.

    Ray does a task again when it died, or the machine that holds its result is lost: by then it may
    have done the unit.
    """
    data = store.read(commit_path(unit))
    return None if data is None else Commit.from_json(data)


def nested(tally: Mapping[str, int]) -> dict[str, Any]:
    """A tally as nested dicts, sorted.

    >>> nested({"boxes/read": 3, "boxes/dropped/outside": 1})
    {'boxes': {'dropped': {'outside': 1}, 'read': 3}}
    """
    tree: dict[str, Any] = {}
    for name, count in sorted(tally.items()):
        *folders, leaf = name.split("/")
        inner = tree
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[leaf] = count
    return tree


class _HashedFile:
    """A file that knows its digest; as much of a binary file as parquet writers need."""

    closed = False

    def __init__(self, path: str, handle: IO[bytes]) -> None:
        self._path = path
        self._handle = handle
        self._digest = sha256()
        self._bytes = 0
        self._lines = 0

    def write(self, data: Buffer, lines: int = 0) -> int:
        self._handle.write(data)
        self._digest.update(data)
        self._bytes += len(data)
        self._lines += lines
        return len(data)

    def tell(self) -> int:
        return self._bytes

    def flush(self) -> None:
        """Nothing needs it before the end."""

    def finish(self) -> OutputFile:
        self._handle.close()
        return OutputFile(self._path, self._bytes, self._digest.hexdigest(), self._lines)
