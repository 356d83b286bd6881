"""Places: local paths and fsspec URLs, opened alike and named without their secrets."""

import errno
import os
import posixpath
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from groundray.formats.errors import SourceError
from groundray.models.urls import describe, public_name

READ_ERRORS = (pa.ArrowException, OSError, ValueError)
"""What pyarrow and fsspec raise for a file that cannot be read or is damaged."""

ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)
"""What an open file system says of a file that is not there for us, now or later."""

_OF_STORES = {errno.EIO, errno.EBUSY, errno.EAGAIN, errno.ENETUNREACH, errno.EHOSTUNREACH}
_CLIENTS = {"aiobotocore", "aiohttp", "botocore", "fsspec", "gcsfs", "google", "huggingface_hub"}
_CLIENTS |= {"httpcore", "httpx", "requests", "s3fs", "urllib3"}
_ROOT_PARTS = {"hf": 3}  # names that the root of what a URL can hold has; 1 elsewhere
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "hf": "hf"}
_PROTOCOL = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+)://")


def protocol_of(place: str) -> str | None:
    """The protocol of a URL, or None for a local path; `file://` is local."""
    match = _PROTOCOL.match(place)
    return None if match is None or match[1] in {"file", "local"} else match[1]


def open_file(place: str) -> Any:
    """A file to read, with `read`, `seek` and `tell`; use it as a context manager.

    Raises:
        SourceError: the package for its protocol is missing.
        OSError: it cannot be opened.
    """
    if protocol_of(place) is None:
        return pa.OSFile(place, "rb")
    fs, path = file_system(place)
    try:
        return fs.open(path, "rb", cache_type="none")
    except READ_ERRORS:
        raise
    except Exception as error:  # a client's own, such as botocore's of a name that is no bucket's
        raise OSError(describe(error)) from error


def file_system(place: str) -> tuple[Any, str]:
    """The fsspec file system of a place, and the path in it.

    Raises:
        SourceError: the protocol is unknown, or its package is missing.
    """
    import fsspec

    try:
        fs, path = fsspec.core.url_to_fs(place)
    except ImportError as error:
        protocol = protocol_of(place) or ""
        package = f"groundray[{_EXTRAS[protocol]}]" if protocol in _EXTRAS else "aiohttp"
        message = f"{public_name(place)} needs a package: pip install '{package}'"
        raise SourceError(message) from error
    except ValueError as error:
        raise SourceError(
            f"{public_name(place)}: unknown protocol {protocol_of(place)!r}"
        ) from error
    return fs, path.rstrip("/") or path


def join(folder: str, relative: str) -> str:
    """A path or URL below a folder."""
    return f"{folder.rstrip('/')}/{relative}" if relative else folder


def parent(place: str) -> str | None:
    """The folder above a path or URL; None above a root, bucket, host or data set of the Hub."""
    protocol = protocol_of(place)
    if protocol is None:
        above = os.path.dirname(place)  # noqa: PTH120  text in, text out, like URLs
        return None if above in ("", "/", place) else above
    head, _, rest = place.partition("://")
    above = rest.rstrip("/").rpartition("/")[0]
    is_inside = above.count("/") + 1 >= _ROOT_PARTS.get(protocol, 1)
    return f"{head}://{above}" if above and is_inside else None


def normalize(place: str) -> str:
    """A path or URL without `.`, `..` and doubled slashes."""
    head, mark, rest = place.rpartition("://")
    return f"{head}{mark}{posixpath.normpath(rest)}"


def exists(place: str) -> bool:
    """Whether there is such a file that may be read.

    Raises:
        SourceError: its store does not answer at the moment.
    """
    if protocol_of(place) is None:
        return os.path.isfile(place)  # noqa: PTH113  one call, on the way of every folder of images
    fs, path = file_system(place)
    with store_errors(place):
        try:
            return bool(fs.exists(path))
        except ABSENT:
            return False


def may_pass(error: BaseException) -> bool:
    """Whether an error is of the way to a store, or of the store, and not of what was asked for."""
    if isinstance(error, ABSENT):
        return False
    at_store = isinstance(error, OSError) and error.errno in _OF_STORES
    return at_store or isinstance(error, TimeoutError | ConnectionError) or is_client_error(error)


def is_client_error(error: BaseException) -> bool:
    """Whether an error came out of the client of an object store.

    These have no base in common, and may be of any kind: s3fs raises an IndexError for a timeout.
    """
    frames = traceback.walk_tb(error.__traceback__)
    modules = [frame.f_globals.get("__name__", "") for frame, _ in frames]
    if any(name.partition(".")[0] in _CLIENTS for name in (type(error).__module__, *modules)):
        return True
    return error.__cause__ is not None and is_client_error(error.__cause__)


@contextmanager
def store_errors(place: str) -> Iterator[None]:
    """Gives errors of a store that does not answer the name of what was asked for.

    Raises:
        SourceError: instead of such an error.
    """
    try:
        yield
    except Exception as error:
        if not may_pass(error):
            raise
        raise unanswered(public_name(place), error) from error


def unanswered(name: str, error: BaseException) -> SourceError:
    """The error of a store that does not answer, when it was asked for what is called `name`."""
    return SourceError(f"{name}: cannot be read at the moment: {describe(error)}")


def read_text(place: str) -> str | None:
    """The text of a small file; None where there is none that can be read.

    Raises:
        SourceError: its store does not answer at the moment.
    """
    with store_errors(place):
        try:
            with open_file(place) as handle:
                return bytes(handle.read()).decode()
        except (*ABSENT, ValueError):
            return None
