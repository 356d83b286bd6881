"""Inspect: what a data set holds and what is wrong with it, without reading its images."""

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from groundray.engine.boxes import REASONS, clean, scale_to_pixels
from groundray.engine.inspection.inspection import ImageSizes, Inspection, Place, Problem, Split
from groundray.engine.records import BoolArray, FloatArray, IntArray, Records
from groundray.engine.sources import (
    Decoded,
    Source,
    SourceFile,
    UnreadableFile,
    iter_decoded,
    open_source,
    read_header_sizes,
)
from groundray.formats.errors import SourceError
from groundray.formats.tasks import Task

_THREADS = 4
_MAX_EXAMPLES = 3
_MAX_USUAL = 5


def inspect_source(
    inputs: str | Sequence[str],
    *,
    layout: str | None = None,
    task: Task | None = None,
    classes: Sequence[str] | None = None,
    image_root: str | None = None,
) -> Inspection:
    """Looks at a data set: footers and annotations, and no image but the headers of a few.

    Args:
        inputs: as for `open_source`; so are the others.
        layout: name of a preset, or a TOML file.
        task: what records are made for.
        classes: class names by id.
        image_root: where image files are looked for.

    Raises:
        SourceError: no file can be read.
        LayoutError: what the columns mean cannot be settled.
    """
    source = open_source(
        inputs,
        layout=layout,
        task=task,
        classes=classes,
        image_root=image_root,
    )
    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(pool.map(lambda file: _inspect_file(source, file), source.files))
    readable = [each for each in found if isinstance(each, _FileReport)]
    broken = [each for each in found if isinstance(each, UnreadableFile)]
    return Inspection(
        source=source,
        splits=_merge_splits(readable),
        categories=_merge_categories(source, readable),
        image_sizes=_image_sizes(source, readable),
        problems=_merge_problems(
            [*_find_repeats(readable), *(p for r in readable for p in r.problems)]
        ),
        unreadable=(*source.unreadable, *broken),
    )


@dataclass(slots=True)
class _FileReport:
    """What one file holds, while it is read."""

    file: SourceFile
    split: Split = field(default_factory=Split)
    categories: Counter[str] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    ids: list[pa.Array] = field(default_factory=list)
    rows: list[IntArray] = field(default_factory=list)


def _inspect_file(source: Source, file: SourceFile) -> _FileReport | UnreadableFile:
    report = _FileReport(file)
    try:
        for decoded in iter_decoded(source, file):
            _add_batch(report, source, decoded)
    except SourceError as error:
        return UnreadableFile(file.relative, str(error).removeprefix(f"{file.relative}: "))
    report.split = replace(report.split, files=1, rows=file.num_rows)
    return report


def _add_batch(report: _FileReport, source: Source, decoded: Decoded) -> None:
    keys, records = decoded.keys, decoded.records
    split = report.split
    report.split = Split(
        records=split.records + len(keys),
        boxes=split.boxes + int(keys.num_boxes.sum()),
        empty_records=split.empty_records + int((keys.num_boxes == 0).sum()),
    )
    report.ids.append(keys.id)
    report.rows.append(keys.row)
    for fault in decoded.faults:
        place = Place(report.file.relative, int(keys.row[fault.index]), str(keys.id[fault.index]))
        report.problems.append(Problem(fault.reason, "records", 1, (place,)))
    sizes = np.stack([records.width, records.height], axis=1)
    if source.layout.width is not None and len(sizes):
        unique, counts = np.unique(sizes, axis=0, return_counts=True)
        report.sizes.update(
            {(w, h): n for (w, h), n in zip(unique.tolist(), counts.tolist(), strict=True)}
        )
    if source.task == "detection":
        valid = records.category[records.category >= 0]
        counts = np.bincount(valid, minlength=len(records.names)).tolist()
        report.categories.update(dict(zip(records.names, counts, strict=True)))
        _flag_boxes(report, records, records.category < 0, "unknown_category")
    _add_dead_boxes(report, source, records, sizes.astype(np.float64))


def _add_dead_boxes(
    report: _FileReport, source: Source, records: Records, sizes: FloatArray
) -> None:
    space = source.layout.space
    unknown = np.inf if space == "pixels" else 1.0
    box_sizes = np.where(sizes > 0, sizes, unknown)[records.box_record]
    cleaned = clean(scale_to_pixels(records.xyxy, space, box_sizes), box_sizes)
    for code, reason in enumerate(REASONS[1:], start=1):
        _flag_boxes(report, records, cleaned.reason == code, f"{reason}_box")
    _flag_boxes(report, records, cleaned.clipped, "overhanging_box")


def _flag_boxes(report: _FileReport, records: Records, flags: BoolArray, reason: str) -> None:
    if not flags.any():
        return
    first = records.box_record[np.flatnonzero(flags)[:_MAX_EXAMPLES]]
    places = (Place(report.file.relative, int(records.row[i]), records.id[i]) for i in first)
    report.problems.append(Problem(reason, "boxes", int(flags.sum()), tuple(places)))


def _merge_splits(reports: Sequence[_FileReport]) -> dict[str, Split]:
    splits: dict[str, Split] = {}
    for report in sorted(reports, key=lambda each: each.file.split):
        known, more = splits.get(report.file.split, Split()), report.split
        splits[report.file.split] = Split(
            files=known.files + more.files,
            rows=known.rows + more.rows,
            records=known.records + more.records,
            boxes=known.boxes + more.boxes,
            empty_records=known.empty_records + more.empty_records,
        )
    return splits


def _merge_categories(source: Source, reports: Sequence[_FileReport]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for report in reports:
        counts.update(report.categories)
    return {name: counts[name] for name in source.names or sorted(counts)}


def _merge_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Problems of one kind as one, the most frequent kind first."""
    merged: dict[tuple[str, str], Problem] = {}
    for problem in problems:
        kind = (problem.reason, problem.unit)
        known = merged.get(kind, replace(problem, count=0, examples=()))
        examples = (*known.examples, *problem.examples)[:_MAX_EXAMPLES]
        merged[kind] = replace(problem, count=known.count + problem.count, examples=examples)
    return tuple(sorted(merged.values(), key=lambda each: (-each.count, each.reason)))


def _find_repeats(reports: Sequence[_FileReport]) -> list[Problem]:
    """Ids that come again, in the same split or in another."""
    problems = []
    splits = sorted({report.file.split for report in reports})
    seen: list[pa.Array] = []
    for split in splits:
        inside = [report for report in reports if report.file.split == split]
        counts = pa.chunked_array([ids for report in inside for ids in report.ids]).value_counts()
        values, numbers = counts.field("values"), counts.field("counts")
        again = values.filter(pc.greater(numbers, 1))
        if len(again):
            number = pc.sum(numbers).as_py() - len(values)
            problems.append(
                Problem("repeated_id", "records", number, _places(inside, again, skip=1))
            )
        for earlier in seen:
            shared = values.filter(pc.is_in(values, earlier))
            if len(shared):
                places = _places(inside, shared, skip=0)
                problems.append(Problem("id_in_two_splits", "records", len(shared), places))
        seen.append(values)
    return problems


def _places(reports: Sequence[_FileReport], ids: pa.Array, *, skip: int) -> tuple[Place, ...]:
    """Where the first few of `ids` are, without their first `skip` occurrences."""
    places = []
    for value in ids[:_MAX_EXAMPLES]:
        found = [
            Place(report.file.relative, int(rows[i]), str(value))
            for report in reports
            for part, rows in zip(report.ids, report.rows, strict=True)
            for i in np.flatnonzero(np.array(pc.equal(part, value).to_pylist()))
        ]
        places.extend(found[skip : skip + 1])
    return tuple(places)


def _image_sizes(source: Source, reports: Sequence[_FileReport]) -> ImageSizes:
    sizes: Counter[tuple[int, int]] = Counter()
    for report in reports:
        sizes.update(report.sizes)
    known_from = "columns"
    if source.layout.width is None:
        headers = read_header_sizes(source.layout.image, source.files, source.image_root)
        sizes.update((int(width), int(height)) for width, height in headers)
        known_from = "headers"
    sizes.pop((0, 0), None)
    if not sizes:
        return ImageSizes("nothing", 0)
    table = np.array([size for size, count in sizes.items() for _ in range(count)])
    return ImageSizes(
        known_from,
        len(table),
        _pair(table.min(axis=0)),
        _pair(np.median(table, axis=0)),
        _pair(table.max(axis=0)),
        tuple((*size, count) for size, count in sizes.most_common(_MAX_USUAL)),
    )


def _pair(size: FloatArray | IntArray) -> tuple[int, int]:
    return int(size[0]), int(size[1])
