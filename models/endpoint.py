"""Endpoints of OpenAI-compatible servers: requests that are repeated until they are answered."""

import os
import random
import re
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

import orjson

from groundray.formats.errors import ModelError
from groundray.models.urls import public_name, without_secrets

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
Body = Mapping[str, Any]

KEY_VARIABLES = ("GROUNDRAY_API_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold the key; the first that is set counts."""

_OK = 200
_OF_THE_REQUEST = frozenset({400, 413, 415, 422})
_NOT_NOW = frozenset({408, 409, 425, 429})
_SERVER_ERRORS = 500
_LONGEST_RETRY_AFTER_S = 120.0
_WRITE_TIMEOUT_S = 60.0
_SHOWN_CHARS = 200


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an endpoint is waited for.

    Attributes:
        attempts: how often a request is sent; one that timed out counts as half of them.
        first_wait_s: before the second attempt; each further wait is twice as long.
        longest_wait_s: that a wait grows to.
        answer_timeout_s: of one request.
        connect_timeout_s: of one connection.
    """

    attempts: int = 8
    first_wait_s: float = 0.25
    longest_wait_s: float = 30.0
    answer_timeout_s: float = 600.0
    connect_timeout_s: float = 10.0


class Refusal(NamedTuple):
    """The server says that the request itself is wrong; asking again would not help."""

    reason: str


class Failure(NamedTuple):
    """The server did not answer, however often it was asked.

    Attributes:
        reason: of the last attempt.
        timed_out: whether that ran out of time.
        wait_s: how long the server asks to be left alone.
    """

    reason: str
    timed_out: bool = False
    wait_s: float | None = None


class Endpoint:
    """A server and the way to ask it, for several threads at a time.

    The key comes from the environment. Neither it nor a password in the URL is in any message.

    Attributes:
        url: of the API, without user and password: `http://localhost:8000/v1`.
    """

    def __init__(self, url: str | None, patience: Patience) -> None:
        """Prepares requests; sends none.

        Raises:
            ModelError: the URL or the key is none, or httpx is missing.
        """
        httpx = _import_httpx()
        self.url, auth = _parse_url(url)
        self._patience = patience
        self._key = "" if auth else _key()
        self._secrets = [secret for secret in (self._key, *(auth or ())) if secret]
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        self._client = httpx.Client(
            auth=auth,
            headers=headers,
            timeout=httpx.Timeout(
                patience.answer_timeout_s,
                connect=patience.connect_timeout_s,
                write=_WRITE_TIMEOUT_S,
                pool=None,
            ),
            limits=httpx.Limits(max_connections=None),
        )
        weakref.finalize(self, self._client.close)

    def get(self, path: str) -> Body | Refusal | Failure:
        """What a path holds; a `Refusal` also where there is no such path.

        Raises:
            ModelError: see `post`.
        """
        return self._repeat(lambda: self._send("GET", path, None, _mapping), Event())

    def post(
        self, path: str, body: bytes, *, read: Callable[[Body], T], stop: Event
    ) -> T | Refusal | Failure:
        """The server's answer to a request.

        Args:
            path: below `url`: `/chat/completions`.
            body: JSON.
            read: makes something of the answer, or raises a ValueError: then it is asked again.
            stop: ends the attempts, and the waiting between them.

        Raises:
            ModelError: no request to this server can succeed: the key is wrong, or there is no such
                model or path.
        """
        return self._repeat(lambda: self._send("POST", path, body, read), stop)

    def _repeat(
        self, send: Callable[[], T | Refusal | Failure], stop: Event
    ) -> T | Refusal | Failure:
        patience = self._patience
        wait_s = patience.first_wait_s
        attempts = 0
        while True:
            reply = send()
            if not isinstance(reply, Failure):
                return reply
            attempts += max(1, patience.attempts // 2) if reply.timed_out else 1
            jitter = random.uniform(0.5, 1.0)  # noqa: S311  only spreads requests
            if attempts >= patience.attempts or stop.wait((reply.wait_s or 0) + wait_s * jitter):
                return reply
            wait_s = min(2 * wait_s, patience.longest_wait_s)

    def _send(
        self, method: str, path: str, body: bytes | None, read: Callable[[Body], T]
    ) -> T | Refusal | Failure:
        import httpx

        try:
            response = self._client.request(method, f"{self.url}{path}", content=body)
        except httpx.TimeoutException as error:
            timed_out = not isinstance(error, httpx.ConnectTimeout)
            return Failure(f"no answer in time ({type(error).__name__})", timed_out=timed_out)
        except httpx.RequestError as error:
            return Failure(self._shown(str(error) or type(error).__name__))
        if response.status_code == _OK:
            return self._parse(response.content, read)
        return self._judge(response, is_lookup=method == "GET")

    def _judge(self, response: "httpx.Response", *, is_lookup: bool) -> Refusal | Failure:
        status = response.status_code
        reason = f"HTTP {status}: {self._message(response)}"
        if status in _OF_THE_REQUEST or (is_lookup and status in {404, 405}):
            return Refusal(reason)
        if status in _NOT_NOW or status >= _SERVER_ERRORS:
            return Failure(reason, wait_s=_retry_after_s(response.headers.get("Retry-After")))
        raise ModelError(f"the server at {self.url} refuses every request: {reason}{_hint(status)}")

    def _parse(self, content: bytes, read: Callable[[Body], T]) -> T | Failure:
        try:
            return read(orjson.loads(content))
        except orjson.JSONDecodeError:
            return Failure(f"no JSON, but {self._shown(repr(content[:80]))}")
        except ValueError as error:
            return Failure(f"not what was asked for: {error}")

    def _message(self, response: "httpx.Response") -> str:
        """What a server says of an error: `error.message`, `message`, `detail` or its text."""
        try:
            value: Any = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            value = re.sub(r"<[^<>]*>", " ", response.text)
        for key in ("error", "message", "detail"):
            if isinstance(value, dict) and value.get(key):
                value = value[key]
        if isinstance(value, dict):
            value = value.get("message", value)
        return self._shown(str(value)) or response.reason_phrase

    def _shown(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        text = without_secrets(text)
        text = " ".join(text.split())
        return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."


def _mapping(value: Body) -> Body:
    if not isinstance(value, Mapping):
        raise ValueError("no JSON object")  # noqa: TRY004  of data, not of an argument
    return value


def _import_httpx() -> Any:
    try:
        import httpx
    except ImportError as error:
        raise ModelError(
            "asking a server needs a package: pip install 'groundray[server]'"
        ) from error
    return httpx


def _parse_url(url: str | None) -> tuple[str, tuple[str, str] | None]:
    """The URL of the API, and the user and password that stood in it."""
    example = "it would be like http://localhost:8000"
    if not url:
        raise ModelError(f"the server backend needs the URL of a server (--server): {example}")
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme not in {"http", "https"} or not host:
        raise ModelError(
            f"{public_name(re.sub(r'^.*@', '', url))!r} is no URL of a server; {example}"
        )
    if parts.query or parts.fragment:
        raise ModelError(f"the URL of the server at {host} has a query or fragment; {example}")
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    if not re.search(r"/v\d", path):
        path += "/v1"
    auth = None
    if parts.username is not None:
        auth = (unquote(parts.username), unquote(parts.password or ""))
    return f"{parts.scheme}://{host}{path}", auth


def _key() -> str:
    for variable in KEY_VARIABLES:
        key = os.environ.get(variable, "").strip()
        if not key.isascii() or not key.isprintable():
            raise ModelError(f"{variable} holds characters that no key has")
        if key:
            return key
    return ""


def _hint(status: int) -> str:
    if status in {401, 403}:
        where = "the environment of this process, and of Ray's workers on other machines"
        return f"; the key is read from {' or '.join(KEY_VARIABLES)} in {where}"
    return ""


def _retry_after_s(header: str | None) -> float | None:
    """Seconds of a Retry-After header, which are a number or a date."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_S)
