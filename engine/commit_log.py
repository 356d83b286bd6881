"""The commit log: which units are done, however many there are.

A unit's commit record is a file of its own, which the task that did the unit writes: it makes the
unit exist. Of a million units these would be a million files to list and to read. So the driver
folds the records of a thousand neighbours, once all are there, into one file of a line each, and
removes them. What a log holds in memory does not grow with the units, but for a thousand's number.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from groundray.engine.shards import COMMITS, Commit, Tally, commit_path
from groundray.engine.storage import Store

FOLD = 1_000
"""Units whose records become one file."""

_READERS = 16
_FOLDED = ".jsonl"


class CommitLog:
    """The units that are done.

    Args:
        store: OUTPUT; the records that are there are read and looked after: one that is damaged, or
            a file of which is gone or cut short, does not count, and is removed.
        state_of: of the files that a unit is made from; a record of another state does not count
            either. None for any.

    Attributes:
        tally: the sum of all tallies.
        lines: folder -> lines of the files in it.
    """

    def __init__(self, store: Store, state_of: Callable[[int], str] | None = None) -> None:
        self.tally: Tally = Counter()
        self.lines: Counter[str] = Counter()
        self._store = store
        self._state_of = state_of
        self._folded: set[int] = set()  # thousands
        self._open: dict[int, dict[int, Commit]] = {}
        self._read()

    def __contains__(self, unit: int) -> bool:
        thousand = unit // FOLD
        return thousand in self._folded or unit in self._open.get(thousand, {})

    def __len__(self) -> int:
        return FOLD * len(self._folded) + sum(map(len, self._open.values()))

    def __iter__(self) -> Iterator[Commit]:
        """Commits in the order of units."""
        for thousand in sorted({*self._folded, *self._open}):
            found: Mapping[int, Commit] = self._open.get(thousand) or _parse(
                self._store.read(_folded_path(thousand)) or b""
            )
            yield from (found[unit] for unit in sorted(found))

    def add(self, commit: Commit) -> None:
        """Takes in a unit whose record is written."""
        if commit.unit not in self:
            self.tally.update(commit.tally)
            self.lines.update(_lines(commit))
            self._open.setdefault(commit.unit // FOLD, {})[commit.unit] = commit
            self._fold_if_whole(commit.unit // FOLD)

    def _fold_if_whole(self, thousand: int) -> None:
        found = self._open[thousand]
        if len(found) == FOLD:
            data = b"".join(found[unit].to_json() for unit in sorted(found))
            self._store.write(_folded_path(thousand), data)
            self._store.remove_files([commit_path(unit) for unit in found])
            del self._open[thousand]
            self._folded.add(thousand)

    def _read(self) -> None:
        names = self._store.names(COMMITS)
        with ThreadPoolExecutor(_READERS) as pool:
            for thousand, found in pool.map(self._look, filter(_is_folded, names)):
                self.tally.update(found.tally)
                self.lines.update(found.lines)
                if found.commits is None:
                    self._folded.add(thousand)
                elif found.commits:
                    self._open[thousand] = found.commits
            single = [name for name in names if not _is_folded(name)]
            useless = []
            for name, commits in zip(single, pool.map(self._sound, single), strict=True):
                useless += [f"{COMMITS}/{name}"] if not commits or commits[0].unit in self else []
                for commit in commits:
                    self.add(commit)
        self._store.remove_files(useless)

    def _look(self, name: str) -> tuple[int, "_Folded"]:
        """A thousand, and what was folded of it, for which threads read ahead: so kept small."""
        commits = self._sound(name)
        found = _Folded({commit.unit: commit for commit in commits}, Counter(), Counter())
        for commit in commits:
            found.tally.update(commit.tally)
            found.lines.update(_lines(commit))
        is_whole = len(commits) == FOLD
        return int(name.partition(".")[0]), found._replace(commits=None) if is_whole else found

    def _sound(self, name: str) -> list[Commit]:
        """The commits in a file that count; none in one that a process died of writing."""
        if name.startswith("."):
            return []
        found = _parse(self._store.read(f"{COMMITS}/{name}") or b"")
        return [commit for commit in found.values() if self._counts(commit)]

    def _counts(self, commit: Commit) -> bool:
        if self._state_of is not None and commit.state != self._state_of(commit.unit):
            return False
        if not self._store.is_local:
            return True
        return all(self._store.size(file.path) == file.bytes for file in commit.files)


class _Folded(NamedTuple):
    commits: dict[int, Commit] | None  # None where all are there
    tally: Tally
    lines: Counter[str]


def _lines(commit: Commit) -> Counter[str]:
    """Lines by folder."""
    lines: Counter[str] = Counter()
    for file in commit.files:
        lines[file.path.rpartition("/")[0]] += file.lines
    return lines


def _is_folded(name: str) -> bool:
    return name.endswith(_FOLDED) and not name.startswith(".")


def _folded_path(thousand: int) -> str:
    return f"{COMMITS}/{thousand:06d}{_FOLDED}"


def _parse(data: bytes) -> Mapping[int, Commit]:
    """Commits by unit; lines that are none are passed over."""
    commits = {}
    for line in data.splitlines():
        try:
            commit = Commit.from_json(line)
        except (ValueError, KeyError, TypeError):
            continue
        commits[commit.unit] = commit
    return commits
