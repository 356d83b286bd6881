"""Inputs: from what a person types to the parquet files that it means."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from groundray.engine.sources.places import (
    describe,
    file_system,
    join,
    normalize,
    parent,
    protocol_of,
    public_name,
)
from groundray.formats.errors import SourceError

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

    A file or a glob counts as a selection from its folder. Hidden files and folders, names that begin
    with an underscore and anything that is not `*.parquet` are passed over.

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
    if os.path.isdir(place):
        return [InputFile(place, name, join(place, name)) for name in _walk(place)]
    if os.path.isfile(place):
        root, name = os.path.split(place)
        return [InputFile(root, name, place)]
    if not _is_glob(place):
        raise _no_such(place, _neighbours(place))
    fs, path = file_system(place)
    root = _glob_root(path)
    names = [found[len(root) :].lstrip("/") for found in fs.glob(path)]
    return [
        InputFile(root, name, join(root, name))
        for name in names
        if os.path.isfile(join(root, name))
    ]


def _walk(root: str) -> Iterable[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name[0] not in "._"]
        inside = os.path.relpath(folder, root)
        for name in names:
            yield name if inside == "." else f"{inside}/{name}"


def _expand_remote(place: str) -> Iterable[InputFile]:
    fs, path = file_system(place)
    try:
        if _is_glob(path):
            names, root_path = fs.glob(path), _glob_root(path)
        elif fs.isdir(path):
            names, root_path = fs.find(path), path
        elif fs.exists(path):
            names, root_path = [path], path.rpartition("/")[0]
        else:
            raise _no_such(place, [])
    except SourceError:
        raise
    except Exception as error:
        raise SourceError(f"{public_name(place)}: {describe(error)}") from error
    root = _root_url(place, path, root_path)
    return [
        InputFile(root, relative, join(root, relative))
        for relative in (name[len(root_path) :].lstrip("/") for name in names)
    ]


def _root_url(place: str, path: str, root_path: str) -> str:
    """The URL of a folder on the way to `place`, with whatever the typed URL holds besides the path."""
    place = place.rstrip("/")
    ending = path[len(root_path) :]
    return place.removesuffix(ending).rstrip("/") if ending else place


def _glob_root(path: str) -> str:
    """The folder of a pattern that is written without wildcards."""
    parts = path.split("/")
    first = next(i for i, part in enumerate(parts) if _is_glob(part))
    return "/".join(parts[:first])


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
    return normalize(os.path.abspath(os.path.expanduser(place.removeprefix("file://"))))


def _no_such(place: str, neighbours: Sequence[str]) -> SourceError:
    hint = f"; did you mean {neighbours[0]!r}?" if neighbours else ""
    return SourceError(f"no such file or folder: {public_name(place)}{hint}")


def _neighbours(place: str) -> list[str]:
    folder, name = os.path.split(place)
    try:
        return get_close_matches(name, os.listdir(folder), n=1)
    except OSError:
        return []


def _describe_passed(relatives: Sequence[str]) -> str:
    if not relatives:
        return "found nothing"
    suffixes: Counter[str] = Counter(
        os.path.splitext(relative)[1] or "without suffix" for relative in relatives
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
