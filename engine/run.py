"""A run: what is done, what is left, and doing the rest; convert and predict share it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import uuid4

import orjson

from groundray.engine.commit_log import CommitLog
from groundray.engine.lock import locked
from groundray.engine.shards import COMMITS, TOKEN, OutputFile
from groundray.engine.storage import PRIVATE, Store
from groundray.formats.errors import OutputError

RUN = f"{PRIVATE}/run.json"
MANIFEST = "manifest.json"
CHECKSUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class Checksums:
    """The files of a run, which grow with its units: so they are not in the manifest, but beside.

    Attributes:
        list: file that names each, with its SHA-256, in the order of units.
        sha256: of that file, in hexadecimal.
        files: how many it names.
        bytes: of all of these.
    """

    list: str
    sha256: str
    files: int
    bytes: int


@dataclass(slots=True)
class Run:
    """An OUTPUT that this process holds the lock of.

    Attributes:
        store: OUTPUT.
        fingerprint: of the configuration.
        token: names this start of the run; tasks of an earlier start publish nothing any more.
        commits: of finished units.
        manifest: the finished run's manifest, or None while units are left.
    """

    store: Store
    fingerprint: str
    token: str
    commits: CommitLog
    manifest: bytes | None

    def write_checksums(self) -> "Checksums":
        """Writes the checksums of all files, unit by unit, which `sha256sum --check` reads."""
        staging = self.store.staging("checksums")
        num_files = num_bytes = 0
        digest = sha256()
        with staging.open(CHECKSUMS) as handle:
            for commit in self.commits:
                data = b"".join(_checksum_line(file) for file in commit.files)
                handle.write(data)
                digest.update(data)
                num_files += len(commit.files)
                num_bytes += sum(file.bytes for file in commit.files)
        staging.publish()
        return Checksums(CHECKSUMS, digest.hexdigest(), num_files, num_bytes)

    def finish(self, manifest: bytes) -> None:
        """Writes the manifest, which marks the run as finished."""
        staging = self.store.staging("manifest")
        with staging.open(MANIFEST) as file:  # aside: nothing but results is ever seen in OUTPUT
            file.write(manifest)
        staging.publish()
        self.store.remove(f"{PRIVATE}/staging")
        self.manifest = manifest


def fingerprint(configuration: Mapping[str, Any]) -> str:
    """Digest of everything that the bytes of a run depend on."""
    return sha256(orjson.dumps(configuration, option=orjson.OPT_SORT_KEYS)).hexdigest()


@contextmanager
def open_run(
    store: Store,
    configuration: Mapping[str, Any],
    *,
    outputs: Iterable[str],
    overwrite: bool,
    state_of: Callable[[int], str] | None = None,
) -> Iterator[Run]:
    """Starts a run on OUTPUT, or takes it up where an earlier process left it.

    Args:
        store: OUTPUT.
        configuration: JSON-like values, everything that the bytes of the run depend on.
        outputs: top-level names in OUTPUT that the run writes.
        overwrite: whether results of another configuration are removed first, and a finished run
            is done anew; one that was cut short goes on all the same.
        state_of: of the files that a unit is made from. What an unfinished run made from another
            is done again, so that two states of a file are never mixed. None where they have none.

    Raises:
        OutputError: another run is writing there; OUTPUT holds results of another configuration, or
            files that are not ours.
    """
    _refuse_foreign(store)
    with locked(store):
        known = {"outputs": sorted(outputs), "configuration": dict(configuration)}
        if not _is_going_on(store, known, overwrite=overwrite):
            store.remove(COMMITS)
            store.write(RUN, orjson.dumps(known, option=orjson.OPT_INDENT_2))
        store.remove(f"{PRIVATE}/staging")
        token = uuid4().hex
        store.write(TOKEN, token.encode())
        manifest = store.read(MANIFEST)
        commits = CommitLog(store, state_of if manifest is None else None)  # it was of one state
        yield Run(store, fingerprint(configuration), token, commits, manifest)


def _checksum_line(file: OutputFile) -> bytes:
    """As coreutils writes it, odd names and all."""
    name = file.path.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    mark = "" if name == file.path else "\\"
    return f"{mark}{file.sha256}  {name}\n".encode("utf-8", "surrogateescape")


def _is_going_on(store: Store, known: Mapping[str, Any], *, overwrite: bool) -> bool:
    """Whether OUTPUT holds a part or the whole of this very run; removes any other."""
    found = store.read(RUN)
    if found is None:
        return False
    old, new = orjson.loads(found), orjson.loads(orjson.dumps(known))
    done_anew = overwrite and store.read(MANIFEST) is not None
    if old == new and not done_anew:
        return True
    if not overwrite and store.names(COMMITS):  # without any, there is nothing to protect
        raise OutputError(
            f"{store.shown} holds another run ({_difference(old, new)}); "
            "choose another OUTPUT, or give --overwrite to remove it"
        )
    # no record outlives what it stands for
    for name in (COMMITS, MANIFEST, CHECKSUMS, *old["outputs"], RUN):
        store.remove(name)
    return False


def _refuse_foreign(store: Store) -> None:
    others = [name for name in store.names("") if name != PRIVATE]
    if others and store.read(RUN) is None:
        raise OutputError(
            f"{store.shown} holds files that no run wrote ({', '.join(others[:3])}): nothing is "
            "mixed with them or removed; choose another OUTPUT"
        )


def _difference(found: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    before, now = found["configuration"], known["configuration"]
    changed = [
        f"{name}: {_brief(before.get(name))} there, {_brief(now.get(name))} now"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]
    return "; ".join(changed[:3]) or "of another kind"


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
