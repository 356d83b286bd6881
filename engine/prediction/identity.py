"""Identity of what answers: a digest that changes when a checkpoint or file of answers does."""

from hashlib import sha256
from typing import Any

from groundray.engine.sources import absolute, file_system

_SMALL_BYTES = 1 << 20
_END_BYTES = 64 << 10


def identity(place: str) -> str | None:
    """A digest of a folder or file; None where there is neither, as for a model's name.

    Small files count whole. Of large ones the size and both ends do: training changes every
    tensor, and a checkpoint of tens of gigabytes is not read twice to find that out.

    Args:
        place: local path or fsspec URL.
    """
    fs, path = file_system(absolute(place))
    try:
        files = fs.find(path, detail=True)
    except (OSError, ValueError):
        return None
    if not files:
        return None
    digest = sha256()
    for name, info in sorted(files.items()):
        relative = name[len(path) :].lstrip("/")
        size = int(info.get("size") or fs.size(name) or 0)  # a list of http URLs has no sizes
        digest.update(f"{relative}\0{size}\0".encode())
        for piece in _pieces(fs, name, size):
            digest.update(piece)
    return digest.hexdigest()


def _pieces(fs: Any, name: str, size: int) -> list[bytes]:
    if size <= _SMALL_BYTES:
        return [fs.cat_file(name)]
    return [
        fs.cat_file(name, start=0, end=_END_BYTES),
        fs.cat_file(name, start=size - _END_BYTES, end=size),
    ]
