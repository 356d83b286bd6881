"""What a run leaves in OUTPUT, local or on an object store, and what must hold for it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import fsspec

PRIVATE = ".groundray"
KEPT = frozenset({"lock", "publishing", "run.json", "token"})
"""What a finished run keeps in its private folder, besides commit records."""


class Output(Protocol):
    """Where a run writes."""

    def files(self) -> dict[str, bytes]:
        """Every file by its path, hidden ones and the run's own included."""
        ...

    def stamps(self, paths: Iterable[str]) -> dict[str, object]:
        """For each path something that changes whenever the file is written."""
        ...

    def commits(self) -> list[str]:
        """Paths of the commit records."""
        ...


class LocalOutput:
    """A folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }

    def stamps(self, paths: Iterable[str]) -> dict[str, object]:
        found: dict[str, object] = {}
        for path in paths:
            stat = (self.root / path).stat()
            found[path] = (stat.st_ino, stat.st_mtime_ns)
        return found

    def commits(self) -> list[str]:
        tops = (".", *self._checkpoints())
        folders = [self.root / top / PRIVATE / "commits" for top in tops]
        found = [path for folder in folders for path in folder.glob("[0-9]*.json")]
        return sorted(path.relative_to(self.root).as_posix() for path in found)

    def _checkpoints(self) -> list[str]:
        return [path.name for path in self.root.iterdir()] if self.root.exists() else []


class RemoteOutput:
    """A prefix of an object store."""

    def __init__(self, url: str) -> None:
        self._fs: Any
        self._fs, self._root = fsspec.core.url_to_fs(url)

    def files(self) -> dict[str, bytes]:
        return {path: self._fs.cat_file(f"{self._root}/{path}") for path in self._names()}

    def stamps(self, paths: Iterable[str]) -> dict[str, object]:
        self._fs.invalidate_cache()
        return {path: self._fs.info(f"{self._root}/{path}")["LastModified"] for path in paths}

    def commits(self) -> list[str]:
        self._fs.invalidate_cache()
        found = self._fs.glob(f"{self._root}/**/{PRIVATE}/commits/*.json")
        return sorted(path[len(self._root) + 1 :] for path in found)

    def _names(self) -> list[str]:
        self._fs.invalidate_cache()
        return sorted(path[len(self._root) + 1 :] for path in self._fs.find(self._root))


def open_output(place: str) -> Output:
    """OUTPUT at a path or URL."""
    return RemoteOutput(place) if "://" in place else LocalOutput(Path(place))


def results(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files that are not the run's own."""
    return {path: data for path, data in files.items() if PRIVATE not in path.split("/")}


def finished(output: Output, commits: Iterable[str]) -> dict[str, object]:
    """Stamps of commit records, and of every shard that they name."""
    import orjson

    found = output.files()
    paths = []
    for commit in commits:
        top = commit[: commit.index(PRIVATE)]
        named = [top + file["path"] for file in orjson.loads(found[commit])["files"]]
        paths += [commit, *(path for path in named if path in found)]
    return output.stamps(paths)


def differences(found: Mapping[str, bytes], expected: Mapping[str, bytes]) -> list[str]:
    """How two trees differ, a line a file; empty where they are the same bytes."""
    lines = [f"missing: {path}" for path in sorted(expected.keys() - found.keys())]
    lines += [f"too many: {path}" for path in sorted(found.keys() - expected.keys())]
    both = sorted(found.keys() & expected.keys())
    return lines + [f"other bytes: {path}" for path in both if found[path] != expected[path]]


def left_behind(files: Mapping[str, bytes]) -> list[str]:
    """Private files that a finished run should not have kept."""
    found = []
    for path in files:
        _, is_private, rest = f"/{path}".partition(f"/{PRIVATE}/")
        if is_private and rest not in KEPT:
            folder, _, name = rest.rpartition("/")
            if folder != "commits" or not name[0].isdigit():
                found.append(path)
    return found
