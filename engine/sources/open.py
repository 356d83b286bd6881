"""Opening a source: which files there are, and what their columns mean."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from groundray.engine.sources.class_names import Part
from groundray.engine.sources.declared import read_declared
from groundray.engine.sources.draft import Draft
from groundray.engine.sources.inputs import InputFile, absolute, find_files, find_roots, name_roots
from groundray.engine.sources.layout import Layout
from groundray.engine.sources.parquet import FooterFacts, read_new_footer
from groundray.engine.sources.places import READ_ERRORS, may_pass, open_file, unanswered
from groundray.engine.sources.settle import settle
from groundray.engine.sources.side_files import find_data_set
from groundray.engine.sources.source import Source, SourceFile, UnreadableFile
from groundray.engine.sources.splits import find_splits
from groundray.formats.errors import LayoutError, SourceError, did_you_mean
from groundray.formats.tasks import Task
from groundray.models.urls import describe

_THREADS = 16


def open_source(
    inputs: str | Sequence[str],
    *,
    layout: str | None = None,
    task: Task | None = None,
    classes: Sequence[str] | None = None,
    only: Sequence[str] | None = None,
    image_root: str | None = None,
) -> Source:
    """Finds the files of a data set and settles what their columns mean.

    Reads footers, what stands beside the data, and a sample of about 10,000 boxes.

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
    found = find_files([inputs] if isinstance(inputs, str) else inputs)
    footers, unreadable = _read_footers(found)
    if not footers:
        first = unreadable[0]
        raise SourceError(f"no parquet that can be read: {first.relative}: {first.reason}")
    place = absolute(image_root) if image_root else None
    parts = _make_parts([file for file in found if file.url in footers], footers)
    settled = settle(_draft(layout, task, classes), parts, place)
    files = [part.file for part in parts]
    misfits = [
        UnreadableFile(file.relative, settled.misfits[file.url])
        for file in files
        if file.url in settled.misfits
    ]
    return Source(
        layout=settled.layout,
        reason=settled.reason,
        names=_counting_names(settled.layout, only),
        files=tuple(file for file in files if file.url not in settled.misfits),
        unreadable=(*unreadable, *misfits),
        task=settled.layout.task,
        image_root=place,
    )


def _draft(layout: str | None, task: Task | None, classes: Sequence[str] | None) -> Draft:
    draft = Draft() if layout is None else read_declared(layout)
    draft.task = task or draft.task
    if classes is not None:
        draft.names = tuple(classes)
        draft.reasons.append(f"class names: the {len(classes)} that were given")
    return draft


def _counting_names(layout: Layout, only: Sequence[str] | None) -> tuple[str, ...] | None:
    """Names of the classes that count, in the sequence of their ids."""
    if layout.task == "grounding" or only is None:
        return layout.names
    if layout.names is None:
        return tuple(dict.fromkeys(only))
    if unknown := [name for name in only if name not in layout.names]:
        hint = did_you_mean(unknown[0], layout.names)
        raise LayoutError(f"no class is named {unknown[0]!r}{hint}")
    return tuple(name for name in layout.names if name in set(only))


def _make_parts(found: Sequence[InputFile], footers: Mapping[str, FooterFacts]) -> list[Part]:
    """Source files in the order of `found`, with what is known around them."""
    data_sets = {root: find_data_set(root) for root in find_roots(found)}
    scopes = name_roots(list(data_sets))
    splits = _find_splits(found)
    stems = Counter(_stem(file) for file in found)
    parts = []
    for file in found:
        footer, data_set = footers[file.url], data_sets[file.root]
        is_unique = stems[_stem(file)] == 1
        source_file = SourceFile(
            url=file.url,
            relative=file.relative,
            scope=scopes[file.root],
            split=splits[file.url],
            size_bytes=footer.size_bytes,
            footer_sha256=footer.sha256,
            version=footer.version,
            row_groups=footer.row_groups,
            stem=_stem(file) if is_unique else file.relative.removesuffix(".parquet"),
            dataset=data_set.root,
        )
        parts.append(Part(source_file, footer, data_set))
    return parts


def _find_splits(found: Sequence[InputFile]) -> dict[str, str]:
    splits: dict[str, str] = {}
    for root in find_roots(found):
        inside = [file for file in found if file.root == root]
        names = find_splits([file.relative for file in inside], root.rsplit("/", 1)[-1])
        splits.update({file.url: split for file, split in zip(inside, names, strict=True)})
    spelled: dict[str, str] = {}  # names that differ only in case are one folder on some disks
    return {url: spelled.setdefault(name.lower(), name) for url, name in splits.items()}


def _stem(file: InputFile) -> str:
    return file.relative.rsplit("/", 1)[-1].removesuffix(".parquet")


def _read_footers(
    files: Sequence[InputFile],
) -> tuple[dict[str, FooterFacts], list[UnreadableFile]]:
    """Footers by URL, and the files that have none that can be read; equal schemas are one."""
    facts_by_schema: dict[bytes, FooterFacts] = {}

    def read(file: InputFile) -> FooterFacts | str:
        try:
            with open_file(file.url) as handle:
                facts = read_new_footer(handle)
                key = facts.schema.serialize().to_pybytes()
                return facts._replace(schema=facts_by_schema.setdefault(key, facts).schema)
        except SourceError as error:
            return str(error)
        except Exception as error:
            if may_pass(error):  # nothing is wrong with the file, which must not be left out
                raise unanswered(file.relative, error) from error
            if not isinstance(error, READ_ERRORS):
                raise
            return describe(error)

    with ThreadPoolExecutor(_THREADS) as pool:
        results = list(zip(files, pool.map(read, files), strict=True))
    footers = {file.url: found for file, found in results if isinstance(found, FooterFacts)}
    wrong = [
        UnreadableFile(file.relative, found) for file, found in results if isinstance(found, str)
    ]
    return footers, wrong
