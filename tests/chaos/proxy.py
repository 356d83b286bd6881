"""A proxy in front of an HTTP server, whose connections break as those of a bad network do."""

import http.client
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

TROUBLES = ("cut answer", "cut request", "lost answer", "stall", "500", "503")
"""What can happen to a request: the connection is reset in the middle of the answer, in the middle
of the request, or after the server has done what was asked; half of the answer comes, and then
nothing; the server says that it has failed, or that it is too busy."""

STALL_S = 6.0
"""How long a stalled connection stays open: longer than the clients of the suite wait."""

_BUSY = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_FAILED = "<Error><Code>InternalError</Code><Message>We have failed.</Message></Error>"
_HOP_BY_HOP = {"connection", "expect"}
_NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "server", "date"}


class Proxy:
    """Passes requests on, and lets some of them fail.

    Attributes:
        url: what clients are given in place of the server's own.
        share: of the requests that fail from now on.
        skew_s: by how much the server's clock is wrong, in every time that it tells.
        happened: how often each trouble struck.
    """

    def __init__(self, upstream: str, seed: int) -> None:
        self.share = 0.0
        self.skew_s = 0.0
        self.happened: Counter[str] = Counter()
        self._rng = random.Random(seed)
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"proxy": self, "upstream": urlsplit(upstream)})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def draw(self) -> str | None:
        """What happens to the next request."""
        with self._lock:
            trouble = self._rng.choice(TROUBLES) if self._rng.random() < self.share else None
            if trouble is not None:
                self.happened[trouble] += 1
            return trouble

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def proxy_to(upstream: str, seed: int) -> Iterator[Proxy]:
    """A proxy that ends with the block."""
    proxy = Proxy(upstream, seed)
    try:
        yield proxy
    finally:
        proxy.close()


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    upstream: Any
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it
        """Says nothing."""

    def handle_one_request(self) -> None:
        """A client may be killed at any moment."""
        self.close_connection = True  # unless the request says otherwise
        with suppress(ConnectionError, TimeoutError):
            super().handle_one_request()

    def _pass_on(self) -> None:
        with suppress(ConnectionError, TimeoutError):
            self._meet(self.proxy.draw())

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815  so the base calls them

    def _meet(self, trouble: str | None) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if trouble == "cut request":
            self.rfile.read(length // 2)
            self._reset()
            return
        body = self.rfile.read(length)
        if trouble in {"500", "503"}:
            text = _FAILED if trouble == "500" else _BUSY
            self._answer(int(trouble), [("Content-Type", "application/xml")], text.encode())
            return
        status, headers, data = self._ask(body)
        if trouble == "lost answer":
            self._reset()
            return
        self._answer(status, headers, data, cut=trouble in {"cut answer", "stall"})
        if trouble == "stall":
            time.sleep(STALL_S)
        if trouble in {"cut answer", "stall"}:
            self._reset()

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.upstream.hostname, self.upstream.port)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        try:
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _answer(
        self, status: int, headers: list[tuple[str, str]], data: bytes, *, cut: bool = False
    ) -> None:
        self.send_response_only(status)
        now = time.time() + self.proxy.skew_s
        self.send_header("Date", formatdate(now, usegmt=True))
        told_length = False
        for name, value in headers:
            if name.lower() not in _NOT_PASSED_ON:
                told_length |= name.lower() == "content-length"
                self.send_header(name, self._skewed(name, value))
        if not told_length:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if cut else data)
            self.wfile.flush()

    def _skewed(self, name: str, value: str) -> str:
        if name.lower() != "last-modified" or not self.proxy.skew_s:
            return value
        told = parsedate_to_datetime(value).timestamp() + self.proxy.skew_s
        return formatdate(told, usegmt=True)

    def _reset(self) -> None:
        """Ends the connection with RST, as a host that has died does."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RD)
        self.connection.close()
