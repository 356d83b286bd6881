"""Inputs: from what a person types to the parquet files that it means."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from groundray.engine.sources.places import file_system, join, normalize, parent, protocol_of
from groundray.formats.errors import SourceError, did_you_mean
from groundray.models.urls import describe, public_name

_SUFFIX = ".parquet"


class InputFile(NamedTuple):
    """A parquet file below an INPUT.

    Attributes:
        root: path or URL of the INPUT's folder.
        relative: "/"-separated path below it.
        url: path or URL to open.
    """

    root: str
    relative: str
    url: str


def find_files(inputs: Sequence[str]) -> list[InputFile]:
    """The parquet files of INPUTs: files, folders, globs and fsspec URLs; sorted, each file once.

    A file or a glob counts as a selection from its folder. Hidden files and folders, names that
    begin with an underscore and anything that is not `*.parquet` are passed over.

    Raises:
        SourceError: an INPUT does not exist, or there is no parquet in any of them.
    """
    if not inputs:
        raise SourceError("no INPUT was given")
    files: dict[str, InputFile] = {}
    passed: list[str] = []
    for place in sorted(map(absolute, inputs)):
        for found in _expand(place):
            if _is_wanted(found.relative):
                files.setdefault(found.url, found)
            else:
                passed.append(found.relative)
    if not files:
        looked = ", ".join(public_name(place) for place in inputs)
        raise SourceError(
            f"no parquet: looked for *{_SUFFIX} in {looked}; {_describe_passed(passed)}"
        )
    return sorted(files.values())


def _expand(place: str) -> Iterable[InputFile]:
    protocol = protocol_of(place)
    if protocol in {"http", "https"}:
        root = parent(public_name(place)) or public_name(place)
        return [InputFile(root, public_name(place).rsplit("/", 1)[-1], place)]
    if protocol is None:
        return _expand_local(place)
    return _expand_remote(place)


def _expand_local(place: str) -> Iterable[InputFile]:
    path = Path(place)
    if path.is_dir():
        return [InputFile(place, _utf8(name), join(place, name)) for name in _walk(place)]
    if path.is_file():
        return [InputFile(str(path.parent), _utf8(path.name), place)]
    if not _is_glob(place):
        raise _no_such(place)
    root = _glob_root(place)
    try:
        found = [path for path in Path(root).glob(place[len(root) + 1 :]) if path.is_file()]
    except ValueError as error:
        raise SourceError(f"{place}: {error}") from error
    return [InputFile(root, _utf8(str(path.relative_to(root))), str(path)) for path in found]


def _utf8(name: str) -> str:
    """A name that manifests can hold; a file whose own name is no UTF-8 cannot be opened."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _walk(root: str) -> Iterable[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name[0] not in "._"]
        inside = folder[len(root) :].strip("/")
        for name in names:
            yield f"{inside}/{name}" if inside else name


def _expand_remote(place: str) -> Iterable[InputFile]:
    fs, path = file_system(place)
    fs.invalidate_cache()
    try:
        names, root_path = _list_remote(fs, path)
    except Exception as error:  # each protocol has errors of its own
        raise SourceError(f"{public_name(place)}: {describe(error)}") from error
    if names is None:
        raise _no_such(place)
    root = _root_url(place, path, root_path)
    relatives = (name[len(root_path) :].lstrip("/") for name in names)
    return [InputFile(root, relative, join(root, relative)) for relative in relatives]


def _list_remote(fs: Any, path: str) -> tuple[list[str] | None, str]:
    """Files that a path means, and the folder that they are below; None where there is nothing."""
    if _is_glob(path):
        return fs.glob(path), _glob_root(path)
    if fs.isdir(path):
        return fs.find(path), path
    return [path] if fs.exists(path) else None, path.rpartition("/")[0]


def _root_url(place: str, path: str, root_path: str) -> str:
    """The URL of a folder on the way to `place`, with what the typed URL holds besides the path."""
    place = place.rstrip("/")
    ending = path[len(root_path) :]
    return place.removesuffix(ending).rstrip("/") if ending else place


def _glob_root(path: str) -> str:
    """The folder of a pattern that is written without wildcards."""
    parts = path.split("/")
    first = next(i for i, part in enumerate(parts) if _is_glob(part))
    return "/".join(parts[:first]) or "/"


def _is_glob(path: str) -> bool:
    return any(sign in path for sign in "*?[")


def _is_wanted(relative: str) -> bool:
    return relative.endswith(_SUFFIX) and not any(
        part.startswith((".", "_")) for part in relative.split("/")
    )


def absolute(place: str) -> str:
    """A URL as it is, or a local path from the root."""
    if protocol_of(place) is not None:
        return place
    return normalize(str(Path(place.removeprefix("file://")).expanduser().absolute()))


def _no_such(place: str) -> SourceError:
    hint = ""
    if protocol_of(place) is None and (folder := Path(place).parent).is_dir():
        names = (path.name for path in folder.iterdir())
        hint = did_you_mean(Path(place).name, names)
    return SourceError(f"no such file or folder: {public_name(place)}{hint}")


def _describe_passed(relatives: Sequence[str]) -> str:
    if not relatives:
        return "found nothing"
    suffixes: Counter[str] = Counter(
        Path(relative).suffix or "without suffix" for relative in relatives
    )
    kinds = ", ".join(f"{count} {suffix}" for suffix, count in suffixes.most_common(5))
    return f"found {len(relatives)} other files ({kinds})"


def find_roots(files: Iterable[InputFile]) -> list[str]:
    """The folders of the INPUTs, sorted."""
    return sorted({file.root for file in files})


def name_roots(roots: Sequence[str]) -> dict[str, str | None]:
    """A short, unique name without a dot for each of several folders; None for a single one."""
    if len(roots) == 1:
        return {roots[0]: None}
    parts = {root: public_name(root).rstrip("/").split("/") for root in roots}
    while len({tuple(names[-1:]) for names in parts.values()}) == 1 and all(
        len(names) > 1 for names in parts.values()
    ):
        parts = {root: names[:-1] for root, names in parts.items()}
    for count in range(1, max(map(len, parts.values())) + 1):
        labels = {root: _label(names[-count:]) for root, names in parts.items()}
        if len(set(labels.values())) == len(roots) and all(labels.values()):
            return dict(labels)
    return {root: f"input{i}" for i, root in enumerate(roots, start=1)}


def _label(names: Sequence[str]) -> str:
    text = "-".join(name for name in names if name)
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in text).strip("-")
