import fcntl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from time import monotonic, sleep
from typing import NamedTuple

import fsspec
import pytest
from s3fs import S3FileSystem

from groundray.engine.lock import LOCK, is_locked, locked
from groundray.engine.storage import LocalStore, ObjectStore
from groundray.formats.errors import OutputError
from tests.chaos.proxy import Proxy, proxy_to

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # botocore leaves sockets open

HEARTBEAT_S = 0.25


@pytest.fixture
def bucket() -> ObjectStore:
    fs = fsspec.filesystem("memory")
    if fs.exists("/bucket"):
        fs.rm("/bucket", recursive=True)
    return ObjectStore("memory://bucket", fs, "/bucket")


def test_a_second_run_on_a_folder_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from groundray.engine.lock import locked\n"
        "from groundray.engine.storage import LocalStore\n"
        f"with locked(LocalStore(Path({str(tmp_path)!r}))):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout
    assert other.stdin
    assert other.stdout.readline() == b"held\n"
    store = LocalStore(tmp_path)
    with pytest.raises(OutputError, match=f"another run \\(process {other.pid}\\)"), locked(store):
        pass
    other.kill()  # a killed owner holds nothing
    other.wait()
    other.stdin.close()
    other.stdout.close()
    with locked(store):
        pass


def test_a_run_starts_while_somebody_looks_whether_one_runs(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    with locked(store):
        assert is_locked(store)
    assert not is_locked(store)
    with (tmp_path / LOCK).open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        Timer(0.2, fcntl.flock, (looking, fcntl.LOCK_UN)).start()
        with locked(store):
            pass


def test_a_lease_is_given_back(bucket: ObjectStore) -> None:
    for _ in range(2):
        with locked(bucket, heartbeat_s=HEARTBEAT_S):
            assert bucket.read(LOCK) is not None
    assert bucket.read(LOCK) is None


def test_a_live_lease_is_respected(bucket: ObjectStore) -> None:
    with (
        locked(bucket, heartbeat_s=HEARTBEAT_S),
        pytest.raises(OutputError, match="its lease is renewed"),
        locked(bucket, heartbeat_s=HEARTBEAT_S),
    ):
        pass


def test_a_dead_lease_is_taken_over_after_a_while(bucket: ObjectStore) -> None:
    bucket.write(LOCK, b"somebody 7")
    started = monotonic()
    with locked(bucket, heartbeat_s=HEARTBEAT_S):
        assert monotonic() - started >= 4 * HEARTBEAT_S
        assert not (bucket.read(LOCK) or b"").startswith(b"somebody")


def test_a_lease_that_was_lost_is_left_to_its_new_owner(bucket: ObjectStore) -> None:
    with locked(bucket, heartbeat_s=HEARTBEAT_S):
        bucket.write(LOCK, b"somebody 7")
        sleep(3 * HEARTBEAT_S)
        assert bucket.read(LOCK) == b"somebody 7"
    assert bucket.read(LOCK) == b"somebody 7"


class Watched(NamedTuple):
    """A bucket that one process sees through a bad network, and another as it is."""

    proxy: Proxy
    far: ObjectStore
    near: ObjectStore


@pytest.fixture
def watched(s3_endpoint: str) -> Iterator[Watched]:
    def bucket_at(url: str) -> ObjectStore:
        options = {"endpoint_url": url, "config_kwargs": {"read_timeout": 1}, "secret": "any"}
        fs = S3FileSystem(key="key", skip_instance_cache=True, **options)
        fs.makedirs("leases", exist_ok=True)
        return ObjectStore("s3://leases", fs, "leases")

    with proxy_to(s3_endpoint, seed=0) as proxy:
        yield Watched(proxy, bucket_at(proxy.url), bucket_at(s3_endpoint))


def test_a_lease_outlives_a_store_that_does_not_answer_for_a_while(watched: Watched) -> None:
    with locked(watched.far, heartbeat_s=HEARTBEAT_S):
        watched.proxy.share = 1.0
        sleep(20 * HEARTBEAT_S)
        watched.proxy.share = 0.0
        before = watched.near.read(LOCK)
        assert before is not None
        deadline = monotonic() + 60
        while watched.near.read(LOCK) == before:
            assert monotonic() < deadline
            sleep(HEARTBEAT_S)
    assert watched.proxy.happened.total() > 0
    assert watched.near.read(LOCK) is None


@pytest.mark.parametrize("skew_s", [-100_000, 100_000])
def test_a_lease_does_not_ask_what_time_it_is(watched: Watched, skew_s: float) -> None:
    watched.proxy.skew_s = skew_s
    with (
        locked(watched.far, heartbeat_s=HEARTBEAT_S),
        pytest.raises(OutputError, match="its lease is renewed"),
        locked(watched.near, heartbeat_s=5 * HEARTBEAT_S),
    ):
        pass
