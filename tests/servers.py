"""Servers that tests ask over HTTP: of S3, of data sets as the Hub serves them, of a chat model."""

import hashlib
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

_COMMIT = "0" * 40
_START_S = 60
_bucket_numbers = count()


@contextmanager
def s3_server() -> Iterator[str]:
    """The URL of a moto server in a process of its own, which ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/moto-api/")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The URL of a server of S3."""
    with s3_server() as url:
        yield url


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a new, empty bucket; this process and those that it starts find its server."""
    from s3fs import S3FileSystem

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    S3FileSystem.clear_instance_cache()
    name = f"bucket-{next(_bucket_numbers)}"
    S3FileSystem().mkdir(name)
    return f"s3://{name}"


@pytest.fixture(scope="session")
def hub_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The endpoint of a Hub, and the folder OWNER/NAME/... that it serves as data sets."""
    root = tmp_path_factory.mktemp("hub")
    handler = type("Handler", (_HubHandler,), {"root": root})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", root
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def hub(hub_server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder: what is put at OWNER/NAME in it can be read as hf://datasets/OWNER/NAME."""
    from huggingface_hub import HfFileSystem, constants

    endpoint, root = hub_server
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)  # what the variable said at import
    HfFileSystem.clear_instance_cache()
    return root


@dataclass(frozen=True, slots=True)
class ChatServer:
    """An OpenAI-compatible server in a process of its own.

    Attributes:
        url: as it is given after `--server`.
        process: to be killed, or waited for.
        log: a line for each request.
    """

    url: str
    process: subprocess.Popen[str]
    log: Path

    @property
    def port(self) -> int:
        """Where it listens; another server can be started there once this one has stopped."""
        return int(self.url.rpartition(":")[2])

    def requests(self) -> list[dict[str, Any]]:
        """The requests that it got: `path`, `headers`, `image` (a digest) and `body`."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return [json.loads(line) for line in lines]

    def stop(self) -> None:
        """Ends the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def chat_server(tmp_path: Path) -> Iterator[Callable[..., ChatServer]]:
    """Starts servers: `chat_server(fail_every=3)`; tests/models/chat_server.py has the options."""
    started: list[ChatServer] = []

    def start(**options: Any) -> ChatServer:
        log = tmp_path / f"requests-{len(started)}.jsonl"
        program = str(Path(__file__).parent / "models" / "chat_server.py")
        command = [sys.executable, program, json.dumps({"requests": str(log)} | options)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        started.append(ChatServer(url, process, log))
        return started[-1]

    yield start
    for server in started:
        server.stop()


class _HubHandler(BaseHTTPRequestHandler):
    """As much of the Hub's API as reading files takes."""

    root: Path

    def do_GET(self) -> None:
        """Data set info, trees and files."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """The same without bodies."""
        self._answer(with_body=False)

    def do_POST(self) -> None:
        """Information about given paths."""
        length = int(self.headers["Content-Length"])
        data = self.rfile.read(length).decode()
        is_json = "json" in self.headers.get("Content-Type", "")
        fields = json.loads(data) if is_json else parse_qs(data)
        folder = self.root / "/".join(self._parts()[2:4])
        found = [self._entry(folder, folder / path) for path in fields["paths"]]
        self._send_json([entry for entry in found if entry])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it
        """Says nothing."""

    def _parts(self) -> list[str]:
        return [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]

    def _answer(self, *, with_body: bool) -> None:
        parts = self._parts()
        if parts[:2] == ["api", "datasets"]:
            folder = self.root / "/".join(parts[2:4])
            if not folder.is_dir():
                self._send_missing("RepoNotFound")
            elif parts[4:5] == ["tree"]:
                self._send_tree(folder, folder / "/".join(parts[6:]))
            else:
                self._send_json({"id": "/".join(parts[2:4]), "sha": _COMMIT, "siblings": []})
        elif parts[0] == "datasets" and parts[3] == "resolve":
            self._send_file(self.root / "/".join([*parts[1:3], *parts[5:]]), with_body=with_body)
        else:
            self._send_missing("EntryNotFound")

    def _send_tree(self, folder: Path, place: Path) -> None:
        if not place.is_dir():
            self._send_missing("EntryNotFound")
            return
        query = parse_qs(urlsplit(self.path).query)
        is_deep = query.get("recursive", ["false"])[0].lower() in {"true", "1"}
        paths = sorted(place.rglob("*") if is_deep else place.iterdir())
        self._send_json([self._entry(folder, path) for path in paths])

    def _entry(self, folder: Path, path: Path) -> dict[str, Any] | None:
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            return {"type": "directory", "path": name, "oid": _COMMIT, "size": 0}
        if not path.exists():
            return None
        return {"type": "file", "path": name, "oid": _COMMIT, "size": path.stat().st_size}

    def _send_file(self, path: Path, *, with_body: bool) -> None:
        if not path.is_file():
            self._send_missing("EntryNotFound")
            return
        data = path.read_bytes()
        total, first = len(data), 0
        wanted = self.headers.get("Range", "").removeprefix("bytes=")
        if wanted:
            start, _, end = wanted.partition("-")
            first = int(start)
            data = data[first : int(end) + 1 if end else None]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Range", f"bytes {first}-{first + len(data) - 1}/{total}")
        self.send_header("ETag", f'"{hashlib.sha256(str(path).encode()).hexdigest()}"')
        self.send_header("X-Repo-Commit", _COMMIT)
        self.end_headers()
        if with_body:
            self.wfile.write(data)

    def _send_json(self, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _send_missing(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310  loopback
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
