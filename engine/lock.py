"""One run at a time on one OUTPUT: flock on a local folder, a lease on an object store."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from typing import IO
from uuid import uuid4

from groundray.engine.storage import PRIVATE, LocalStore, Store, write_errors
from groundray.formats.errors import OutputError

LOCK = f"{PRIVATE}/lock"
_PUBLISHING = f"{PRIVATE}/publishing"

HEARTBEAT_S = 5.0
DEAD_AFTER_S = 20.0
"""A lease whose content has not changed for so long, by the watcher's own clock, belongs to
nobody."""

_LOOKED_AT_S = 0.5
"""For at most so long a folder that is held may be one that somebody only looks at."""


@contextmanager
def locked(store: Store, *, heartbeat_s: float = HEARTBEAT_S) -> Iterator[None]:
    """Holds the lock of OUTPUT.

    Args:
        store: OUTPUT.
        heartbeat_s: how often the lease of an object store is renewed.

    Raises:
        OutputError: another run holds it.
    """
    if isinstance(store, LocalStore):
        with _flocked(store):
            yield
    else:
        with _leased(store, heartbeat_s):
            yield


def is_locked(store: LocalStore) -> bool:
    """Whether a run on this machine holds the lock of a folder at the moment.

    To look is to hold it for some microseconds, which a run that starts just then waits for.
    """
    import fcntl

    try:
        with (store.root / LOCK).open("r") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def publishing(store: Store) -> Iterator[None]:
    """Lets one task at a time publish a unit, where files are replaced one after the other.

    A unit may have two tasks for a moment: Ray starts another when a node is lost, whose processes
    may still be at work. On an object store both write the same objects, each of them whole.
    """
    if not isinstance(store, LocalStore):
        yield
        return
    import fcntl

    with (store.root / _PUBLISHING).open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def _flocked(store: LocalStore) -> Iterator[None]:
    path = store.root / LOCK
    with write_errors(store.shown):
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = path.open("a+")
    with opened as handle:
        started = monotonic()
        while not _is_taken(handle):
            if monotonic() - started > _LOOKED_AT_S:
                handle.seek(0)
                owner = handle.read().strip() or "unknown"
                raise OutputError(
                    f"{store.shown} is being written by another run (process {owner}); wait for "
                    "it, or choose another OUTPUT"
                )
            sleep(0.01)
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield  # closing the file, or the end of the process, unlocks it


def _is_taken(handle: IO[str]) -> bool:
    """Takes the lock of a file, unless it is held."""
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _leased(store: Store, heartbeat_s: float) -> Iterator[None]:
    owner = uuid4().hex
    _take(store, owner, heartbeat_s)
    stop = threading.Event()

    def is_ours() -> bool:
        return (store.read(LOCK) or b"").startswith(owner.encode())

    def beat() -> None:
        count = 0
        while not stop.wait(heartbeat_s):
            count += 1
            with suppress(Exception):  # the store may answer again before anyone takes over
                if not is_ours():  # it did not: what is left to do publishes nothing any more
                    return
                store.write(LOCK, f"{owner} {count}".encode())

    thread = threading.Thread(target=beat, name="groundray-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        with suppress(Exception):  # a lease that cannot be given back runs out
            if is_ours():
                store.remove(LOCK)


def _take(store: Store, owner: str, heartbeat_s: float) -> None:
    found = store.read(LOCK)
    if found is not None:
        patience_s = heartbeat_s * DEAD_AFTER_S / HEARTBEAT_S
        started = monotonic()
        while monotonic() - started < patience_s:
            sleep(heartbeat_s)
            now = store.read(LOCK)
            if now is None:
                break
            if now != found:
                raise OutputError(
                    f"{store.shown} is being written by another run (its lease is renewed every "
                    f"{heartbeat_s:g} s); wait for it, or choose another OUTPUT"
                )
    claim = f"{owner} 0".encode()
    store.write(LOCK, claim)
    sleep(heartbeat_s / 5)  # of two that claim it at once, the last writer has it
    if store.read(LOCK) != claim:
        raise OutputError(f"{store.shown} was taken by another run at the same moment")
