"""A checkpoint, wherever it lies, as a folder on this machine."""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from groundray.formats.errors import ModelError
from groundray.models.urls import describe, public_name

CACHE_VARIABLE = "GROUNDRAY_CACHE"
"""Names the folder that remote checkpoints are copied to; the user's cache folder by default."""

_MODEL_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def is_url(checkpoint: str) -> bool:
    """Whether fsspec has to fetch it."""
    return "://" in checkpoint


def is_model_name(checkpoint: str) -> bool:
    """Whether it is a name such as `Qwen/Qwen3-VL-8B-Instruct` rather than a place.

    A folder of that name, here, is that folder.
    """
    return _MODEL_NAME.fullmatch(checkpoint) is not None and not Path(checkpoint).exists()


def read_config(checkpoint: str, name: str = "config.json") -> dict[str, Any] | None:
    """A JSON file of a checkpoint, wherever it lies; None where the checkpoint has no such file.

    Raises:
        ModelError: there is no such checkpoint, or the file is not JSON.
    """
    if name not in file_names(checkpoint):
        return None
    try:
        if is_url(checkpoint):
            filesystem, root = _opened(checkpoint)
            content = filesystem.cat_file(f"{root}/{name}")
        else:
            content = Path(checkpoint, name).expanduser().read_bytes()
        value = json.loads(content)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{name} of checkpoint {shown(checkpoint)} cannot be read: {describe(error)}"
        ) from error
    if not isinstance(value, dict):
        raise ModelError(f"{name} of checkpoint {shown(checkpoint)} is not a JSON object")
    return value


def file_names(checkpoint: str) -> list[str]:
    """Names of the files and folders directly in a checkpoint, sorted.

    Raises:
        ModelError: there is no such folder.
    """
    if not is_url(checkpoint):
        folder = Path(checkpoint).expanduser()
        if not folder.is_dir():
            raise ModelError(_no_folder(checkpoint))
        return sorted(entry.name for entry in folder.iterdir())
    return sorted({PurePosixPath(name).parts[0] for name in _listing(checkpoint)})


def local_folder(checkpoint: str) -> Path:
    """The folder of a checkpoint on this machine; what lies elsewhere is copied once.

    The copy is complete or not there: files are gathered aside, and the folder then renamed.
    Several processes that want the same checkpoint make one copy. What has changed at its URL, in
    size or by its tag, is another checkpoint.

    Args:
        checkpoint: a local folder, or the URL of a remote one.

    Raises:
        ModelError: there is no such checkpoint, or it cannot be copied.
    """
    if not is_url(checkpoint):
        folder = Path(checkpoint).expanduser()
        if not folder.is_dir():
            raise ModelError(_no_folder(checkpoint))
        return folder.absolute()
    checkpoint = checkpoint.rstrip("/")
    listing = _listing(checkpoint)
    name = PurePosixPath(urlsplit(checkpoint).path).name or "checkpoint"
    key = hashlib.sha256(json.dumps([checkpoint, listing], sort_keys=True).encode()).hexdigest()
    target = _cache() / "checkpoints" / f"{name}-{key[:16]}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target.with_suffix(target.suffix + ".lock")):
            if not target.is_dir():
                _copy(checkpoint, listing, target)
    except OSError as error:
        raise ModelError(
            f"checkpoint {shown(checkpoint)} cannot be copied to {str(target)!r}: "
            f"{describe(error)}; "
            f"{CACHE_VARIABLE} names another folder"
        ) from error
    return target


@contextmanager
def view(folder: Path) -> Iterator[Path]:
    """A folder of links to a checkpoint's files, for a loader that writes beside what it reads."""
    with tempfile.TemporaryDirectory(prefix="groundray-") as made:
        for entry in folder.iterdir():
            if entry.suffix != ".metadata":
                Path(made, entry.name).symlink_to(entry.absolute())
        yield Path(made)


def shown(checkpoint: str) -> str:
    """A checkpoint for messages: a URL without what may be secret in it."""
    return repr(public_name(checkpoint))


def _no_folder(checkpoint: str) -> str:
    kind = "a file, not a folder" if Path(checkpoint).is_file() else "not there"
    return (
        f"checkpoint {shown(checkpoint)} is {kind}; give a folder, a URL, or the name of a model, "
        "such as 'Qwen/Qwen3-VL-8B-Instruct'"
    )


def _opened(url: str) -> tuple[Any, str]:
    import fsspec

    try:
        filesystem, root = fsspec.core.url_to_fs(url.rstrip("/"))
    except (ImportError, ValueError, OSError) as error:
        raise ModelError(f"checkpoint {shown(url)} cannot be reached: {describe(error)}") from error
    return filesystem, root


def _listing(url: str) -> dict[str, str]:
    """Path below the checkpoint to what tells its content from another: size and tag."""
    filesystem, root = _opened(url)
    try:
        filesystem.invalidate_cache()
        found: Mapping[str, Mapping[str, Any]] = filesystem.find(root, detail=True)
    except OSError as error:
        raise ModelError(f"checkpoint {shown(url)} cannot be listed: {describe(error)}") from error
    if not found or list(found) == [root]:
        raise ModelError(f"checkpoint {shown(url)} holds no files")
    prefix = root.rstrip("/") + "/"
    listing = {path.removeprefix(prefix): _state(info) for path, info in sorted(found.items())}
    for name in listing:
        if name.startswith("/") or ".." in name.split("/"):  # a key of a bucket may be anything
            raise ModelError(f"checkpoint {shown(url)} holds {name!r}, which leads out of it")
    return listing


def _state(info: Mapping[str, Any]) -> str:
    tags = (
        "ETag",
        "etag",
        "md5Hash",
        "content_md5",
        "generation",
        "mtime",
        "LastModified",
        "created",
    )
    tag = next((str(info[name]) for name in tags if info.get(name) is not None), "")
    return f"{info['size']} {tag}"


def _copy(url: str, listing: Mapping[str, str], target: Path) -> None:
    filesystem, root = _opened(url)
    aside = target.with_name(f"{target.name}.part")
    shutil.rmtree(aside, ignore_errors=True)  # of a process that was killed
    try:
        for name in listing:
            place = aside / name
            place.parent.mkdir(parents=True, exist_ok=True)
            filesystem.get_file(f"{root}/{name}", str(place))
            expected = int(listing[name].split(" ")[0])
            if place.stat().st_size != expected:
                raise ModelError(
                    f"{name} of checkpoint {shown(url)} came as {place.stat().st_size} bytes "
                    f"of {expected}; it may have changed meanwhile"
                )
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _cache() -> Path:
    if os.environ.get(CACHE_VARIABLE):
        return Path(os.environ[CACHE_VARIABLE]).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "groundray"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds a lock of this machine; the file stays, so that all wait for the same one."""
    import fcntl

    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
