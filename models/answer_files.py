"""Files of answers, one a line, that are too large to hold in memory."""

import hashlib
import os
import shutil
import tempfile
import weakref
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from groundray.formats.errors import ModelError
from groundray.models.answer_lines import answer_of, id_of, parse_line
from groundray.models.base import Answer
from groundray.models.urls import describe, public_name

_LINES_LOOKED_AT = 1000
_NUM_NAMED = 5
_COPIED_BYTES = 1 << 20
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
_READ_ERRORS = (OSError, ValueError, ImportError, EOFError)


@dataclass(frozen=True, slots=True)
class Faults:
    """Lines without an id or an answer.

    Attributes:
        count: how many there are.
        named: the first of them: `line 17 of answers.jsonl: not JSON`.
    """

    count: int
    named: list[str]


class AnswerFiles:
    """The answers of a file or of all jsonl files of a folder, by id.

    In memory are 40 bytes a line: the hash of its id, its file, where it begins, its length and
    its number. The line itself is read when it is asked for, from the file or, where that is
    remote or compressed, from a temporary copy.

    Attributes:
        name: of the file or folder, without what is above it.
        num_answers: lines that have an id and an answer.
        faults: the other lines, without empty ones.
        sha256: of the content.
    """

    def __init__(self, place: str) -> None:
        """Reads everything once.

        Args:
            place: path or fsspec URL; that of a remote folder ends with a slash.

        Raises:
            ModelError: it cannot be read, or no line of it has an id and an answer.
        """
        self.name = _name(place)
        self._names: list[str] = []
        self._files: list[IO[bytes]] = []
        digest = hashlib.sha256()
        index = _Index()
        try:
            for each in _files_at(place):
                self._names.append(_name(each))
                self._files.append(file := _open_seekable(each))
                weakref.finalize(self, file.close)
                index.add(self._names[-1], _hashed(file, digest.update))
        except _READ_ERRORS as error:
            raise _unreadable(place, error) from error
        _refuse_useless(place, index)
        self.sha256 = digest.hexdigest()
        self.num_answers = index.num_answers
        self.faults = Faults(index.num_faults, index.named)
        self._hashes, self._lines = index.sorted()
        self._example = index.example

    def find(self, ids: Sequence[str]) -> list[Answer]:
        """The answer of each id; what is missing, damaged or ambiguous is an answer's error."""
        hashes = np.fromiter(map(hash, ids), np.int64, len(ids))
        starts = np.searchsorted(self._hashes, hashes, side="left").tolist()
        stops = np.searchsorted(self._hashes, hashes, side="right").tolist()
        return [self._answer(*found) for found in zip(ids, starts, stops, strict=True)]

    def _answer(self, id_: str, start: int, stop: int) -> Answer:
        answers: list[Answer] = []
        places: list[str] = []
        for file, offset, length, number in self._lines[start:stop].tolist():  # in their order
            where = _where(number, self._names[file])
            answer = self._read(self._files[file], offset, length, where=where, id_=id_)
            if answer is not None:
                answers.append(answer)
                places.append(where)
        if not answers:
            example = f"it has ids such as {self._example!r}"
            return _failed(f"no answer in {self.name} for id {id_!r}; {example}")
        said = [answer for answer in answers if answer.error is None] or answers[-1:]
        if len({answer.text for answer in said}) > 1:
            listed = ", ".join(places[:_NUM_NAMED])
            return _failed(f"different answers in {self.name} for id {id_!r}: {listed}")
        return said[-1]

    def _read(
        self, file: IO[bytes], offset: int, length: int, *, where: str, id_: str
    ) -> Answer | None:
        """The answer of a line; None where another id has the same hash."""
        try:
            value = parse_line(os.pread(file.fileno(), length, offset))
            return answer_of(value) if id_of(value) == id_ else None
        except ValueError as error:
            return _failed(f"{where}: {error}")


def check_answer_files(place: str) -> None:
    """Looks at the first lines.

    Raises:
        ModelError: it cannot be read, or these are all and none of them has an id and an answer.
    """
    index = _Index()
    try:
        files = _files_at(place)
        with _open(files[0]) as file:
            index.add(_name(files[0]), islice(file, _LINES_LOOKED_AT))
            is_whole = len(files) == 1 and not file.read(1)
    except _READ_ERRORS as error:
        raise _unreadable(place, error) from error
    if is_whole:
        _refuse_useless(place, index)


class _Index:
    """Where the line of an id stands."""

    def __init__(self) -> None:
        self.num_answers = 0
        self.num_faults = 0
        self.named: list[str] = []
        self.example = ""
        self._num_files = 0
        self._hashes = array("q")
        self._lines = array("q")

    def add(self, name: str, lines: Iterable[bytes]) -> None:
        """Adds the lines of a further file, from its beginning."""
        offset = 0
        for number, line in enumerate(lines, start=1):
            if not line.isspace():
                self._add(line, offset, number, name)
            offset += len(line)
        self._num_files += 1

    def sorted(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Hashes in ascending order, and file, offset, length and number of their lines."""
        hashes = np.array(self._hashes, np.int64)
        order = np.argsort(hashes, kind="stable")
        return hashes[order], np.array(self._lines, np.int64).reshape(-1, 4)[order]

    def _add(self, line: bytes, offset: int, number: int, name: str) -> None:
        try:
            value = parse_line(line)
            id_ = id_of(value)
            self._hashes.append(hash(id_))
            self._lines.extend((self._num_files, offset, len(line), number))
            answer_of(value)
        except ValueError as error:
            self.num_faults += 1
            if len(self.named) < _NUM_NAMED:
                self.named.append(f"{_where(number, name)}: {error}")
            return
        self.num_answers += 1
        self.example = self.example or id_


def _where(number: int, name: str) -> str:
    return f"line {number} of {name}"


def _failed(error: str) -> Answer:
    return Answer("", error=error)


def _hashed(lines: Iterable[bytes], update: Callable[[bytes], None]) -> Iterator[bytes]:
    for line in lines:
        update(line)
        yield line


def _files_at(place: str) -> list[str]:
    """A file itself; the jsonl files of a folder, sorted."""
    if "://" not in place.removeprefix("file://"):
        folder = Path(place.removeprefix("file://"))
        names = [file.name for file in folder.glob("*.jsonl")] if folder.is_dir() else None
    elif place.endswith("/"):
        import fsspec

        fs, path = fsspec.core.url_to_fs(place)
        names = [_name(found) for found in fs.glob(f"{path.rstrip('/')}/*.jsonl")]
    else:
        names = None
    if names is None:
        return [place]
    if not names:
        raise ValueError("the folder has no jsonl files in it")
    return [f"{place.rstrip('/')}/{name}" for name in sorted(names)]


def _open_seekable(place: str) -> IO[bytes]:
    """A file of this machine with that content, open at its beginning."""
    file = _open(place)
    if _is_local(place):
        return file
    copy = tempfile.TemporaryFile()  # noqa: SIM115  closed by its reader
    try:
        with file:
            shutil.copyfileobj(file, copy, _COPIED_BYTES)
        copy.seek(0)
    except BaseException:
        copy.close()
        raise
    return copy


def _is_local(place: str) -> bool:
    return "://" not in place.removeprefix("file://") and not place.endswith(_COMPRESSED)


def _open(place: str) -> IO[bytes]:
    if _is_local(place):
        return open(place.removeprefix("file://"), "rb")  # noqa: PTH123  the caller's
    import fsspec

    return cast("IO[bytes]", fsspec.open(place, "rb", compression="infer").open())


def _name(place: str) -> str:
    return public_name(place).rstrip("/").rpartition("/")[2]


def _unreadable(place: str, error: BaseException) -> ModelError:
    missing = "there is no such file" if isinstance(error, FileNotFoundError) else None
    reason = missing or getattr(error, "strerror", None) or describe(error)
    return ModelError(f"the answers in {public_name(place)} cannot be read: {reason}")


def _refuse_useless(place: str, index: _Index) -> None:
    if not index.num_answers:
        first = index.named[0] if index.named else "it is empty"
        raise ModelError(
            f"{public_name(place)} has no answers: {first}; a line of it would be "
            '{"id": "17", "text": "what the model said"}'
        )
