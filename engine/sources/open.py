"""Opening a source: which files there are, and what their columns mean."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches

import pyarrow as pa

from groundray.engine.sources.declared import read_declared
from groundray.engine.sources.draft import Draft
from groundray.engine.sources.inputs import InputFile, absolute, find_files, find_roots, name_roots
from groundray.engine.sources.layout import Layout
from groundray.engine.sources.parquet import Footer, read_footer
from groundray.engine.sources.places import READ_ERRORS, describe, open_file
from groundray.engine.sources.schema import describe_columns
from groundray.engine.sources.settle import misfit, settle
from groundray.engine.sources.side_files import DataSet, find_data_set
from groundray.engine.sources.source import Source, SourceFile, UnreadableFile
from groundray.engine.sources.splits import find_splits
from groundray.formats.base import Task
from groundray.formats.errors import LayoutError, SourceError

_THREADS = 16


def open_source(
    inputs: Sequence[str],
    *,
    layout: str | None = None,
    task: Task | None = None,
    classes: Sequence[str] | None = None,
    only: Sequence[str] | None = None,
    image_root: str | None = None,
) -> Source:
    """Finds the files of a data set and settles what their columns mean.

    Reads footers, what stands beside the data, and a sample of at most 10,000 boxes.

    Args:
        inputs: files, folders, globs or fsspec URLs.
        layout: name of a preset, or a TOML file; what it leaves open is found from the data.
        task: what records are made for; None to find out.
        classes: class names by id; in place of those that the data set gives.
        only: names of the classes that count; None for all.
        image_root: the only folder where image files are looked for; None to look around the data.

    Raises:
        SourceError: no file can be read.
        LayoutError: what the columns mean cannot be settled, or was declared wrongly.
    """
    found = find_files(inputs)
    footers, unreadable = _read_footers(found)
    readable = [file for file in found if file.url in footers]
    if not readable:
        first = unreadable[0]
        raise SourceError(f"no parquet that can be read: {first.relative}: {first.reason}")
    data_sets = {root: find_data_set(root) for root in find_roots(readable)}
    files = _make_files(readable, footers, data_sets)
    draft = read_declared(layout) if layout else Draft()
    draft.task = task or draft.task
    if classes is not None:
        draft.names = tuple(classes)
        draft.reasons.append(f"class names: the {len(classes)} that were given")
    place = absolute(image_root) if image_root else None
    schema = _usual_schema([footers[file.url].schema for file in readable])
    settled = settle(
        draft,
        schema,
        files,
        [footers[file.url] for file in readable],
        data_sets[readable[0].root],
        place,
    )
    wrong = {
        file.url: reason
        for file in files
        if (reason := misfit(draft, schema, footers[file.url].schema))
    }
    return Source(
        layout=settled,
        reason="\n".join(draft.reasons),
        names=_counting_names(settled, only),
        files=tuple(file for file in files if file.url not in wrong),
        unreadable=(
            *unreadable,
            *(UnreadableFile(f.relative, wrong[f.url]) for f in files if f.url in wrong),
        ),
        task=settled.task,
        image_root=place,
    )


def _usual_schema(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The schema that most files have; the first of them, where several are as frequent."""
    texts = [describe_columns(schema) for schema in schemas]
    usual = Counter(texts).most_common(1)[0][0]
    return schemas[texts.index(usual)]


def _counting_names(layout: Layout, only: Sequence[str] | None) -> tuple[str, ...] | None:
    """Names of the classes that count, in the sequence of their ids."""
    if layout.task == "grounding" or only is None:
        return layout.names
    if layout.names is None:
        return tuple(dict.fromkeys(only))
    if unknown := [name for name in only if name not in layout.names]:
        close = get_close_matches(unknown[0], layout.names, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise LayoutError(f"no class is named {unknown[0]!r}{hint}")
    return tuple(name for name in layout.names if name in set(only))


def _make_files(
    found: Sequence[InputFile], footers: Mapping[str, Footer], data_sets: Mapping[str, DataSet]
) -> list[SourceFile]:
    """Source files in the order of `found`."""
    roots = name_roots(list(data_sets))
    stems = Counter(_stem(file) for file in found)
    splits: dict[str, str] = {}
    for root in roots:
        inside = [file for file in found if file.root == root]
        names = find_splits([file.relative for file in inside], root.rsplit("/", 1)[-1])
        splits.update({file.url: split for file, split in zip(inside, names, strict=True)})
    return [
        SourceFile(
            url=file.url,
            relative=file.relative,
            scope=roots[file.root],
            split=splits[file.url],
            size_bytes=footer.size_bytes,
            footer_sha256=footer.sha256,
            row_groups=footer.row_groups,
            stem=_stem(file) if stems[_stem(file)] == 1 else file.relative.removesuffix(".parquet"),
            dataset=data_sets[file.root].root,
        )
        for file, footer in ((file, footers[file.url]) for file in found)
    ]


def _stem(file: InputFile) -> str:
    return file.relative.rsplit("/", 1)[-1].removesuffix(".parquet")


def _read_footers(files: Sequence[InputFile]) -> tuple[dict[str, Footer], list[UnreadableFile]]:
    """Footers by URL, and the files that have none that can be read."""

    def read(file: InputFile) -> Footer | str:
        try:
            with open_file(file.url) as handle:
                return read_footer(handle)
        except SourceError as error:
            return str(error)
        except READ_ERRORS as error:
            return describe(error)

    with ThreadPoolExecutor(_THREADS) as pool:
        results = list(zip(files, pool.map(read, files), strict=True))
    footers = {file.url: found for file, found in results if isinstance(found, Footer)}
    wrong = [
        UnreadableFile(file.relative, found) for file, found in results if isinstance(found, str)
    ]
    return footers, wrong
