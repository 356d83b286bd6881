"""Settling a layout: what was declared, what the schema tells, what a sample of boxes bears out."""

from collections.abc import Sequence
from dataclasses import fields

import pyarrow as pa
import pyarrow.types as pt

from groundray.engine.sources.class_numbers import judge_numbering
from groundray.engine.sources.draft import Draft
from groundray.engine.sources.evidence import judge
from groundray.engine.sources.features import footer_class_names
from groundray.engine.sources.layout import ORDERS, Layout, Path, format_path
from groundray.engine.sources.parquet import Footer
from groundray.engine.sources.roles import find_roles
from groundray.engine.sources.sample import Sample, read_sample
from groundray.engine.sources.schema import Field, describe_type, find, innermost, walk
from groundray.engine.sources.side_files import DataSet
from groundray.engine.sources.source import SourceFile
from groundray.formats.errors import LayoutError


def settle(
    draft: Draft,
    schema: pa.Schema,
    files: Sequence[SourceFile],
    footers: Sequence[Footer],
    data_set: DataSet,
    image_root: str | None,
) -> Layout:
    """Makes a layout of a draft, and adds to its reasons what was found.

    Args:
        draft: what was declared.
        schema: columns that most files have.
        files: all that can be read.
        footers: theirs, in the same order.
        data_set: what stands beside the data.
        image_root: where image files are looked for, or None.

    Raises:
        LayoutError: something cannot be settled.
    """
    place, class_names = "the footer", footer_class_names(schema)
    if not class_names:
        place, class_names = data_set.class_names(set(schema.names))
    find_roles(
        draft,
        schema,
        class_names,
        is_empty=lambda path: all(_lacks(footer, path) for footer in footers),
    )
    is_text = _is_text(draft.category, schema)
    if draft.names is None and draft.category is not None and not is_text:
        draft.names = class_names.get(draft.category)
    if draft.names is not None and draft.names == class_names.get(draft.category or ()):
        draft.reasons.append(f"class names: {len(draft.names)} from {place}")
    needs_numbering = draft.names is not None and draft.category is not None and not is_text
    needs_numbering &= draft.id_offset is None and draft.id_table is None
    if draft.order is None or draft.space is None or needs_numbering:
        pairs = zip(files, footers, strict=True)
        fitting = [file for file, footer in pairs if not misfit(draft, schema, footer.schema)]
        sample = read_sample(draft, fitting, image_root)
        _settle_convention(draft, sample)
        if needs_numbering:
            _settle_numbering(draft, sample)
    _check_names(draft, is_text=is_text)
    return _finish(draft)


def misfit(draft: Draft, usual: pa.Schema, schema: pa.Schema) -> str | None:
    """What a file's columns lack that the layout reads, or None where they fit."""
    usual_fields, others = list(walk(usual)), list(walk(schema))
    for path in draft.paths():
        wanted, found = find(usual_fields, path), find(others, path)
        if wanted is None:
            continue
        if found is None:
            return f"its columns are unlike the others': there is no {format_path(path)}"
        if _shape(wanted) != _shape(found) and not pt.is_null(innermost(found.type)):
            types = f"{describe_type(found.type)}, not {describe_type(wanted.type)}"
            return f"its columns are unlike the others': {format_path(path)} is {types}"
    return None


def _shape(field: Field) -> tuple[int, str]:
    """How a field is read: lists around it, and what is in them."""
    type_ = innermost(field.type)
    if field.is_text:
        return field.lists, "text"
    return field.lists, "number" if field.is_number else "bytes" if pt.is_binary(type_) else str(
        type_.id
    )


def _lacks(footer: Footer, path: Path) -> bool:
    try:
        return footer.is_empty(path)
    except KeyError:
        return True


def _is_text(path: Path | None, schema: pa.Schema) -> bool:
    field = find(list(walk(schema)), path) if path is not None else None
    return field is not None and field.is_text


def _settle_convention(draft: Draft, sample: Sample) -> None:
    if draft.order_column is not None:
        _settle_order_column(draft, sample)
    if draft.order is not None and draft.space is not None:
        return
    verdict = judge(sample, order=draft.order, space=draft.space)
    draft.order, draft.space = verdict.reading
    rivals = sorted((s, str(r)) for r, s in verdict.shares.items() if r != verdict.reading)
    nearest = f"; next best: {rivals[0][1]}, {rivals[0][0]:.1%}" if rivals else ""
    against = verdict.shares[verdict.reading]
    draft.reasons.append(
        f"convention: {verdict.reading}; {against:.1%} of {verdict.num_boxes:,} boxes speak "
        f"against it{nearest} (image sizes from {sample.source_of_sizes})"
    )


def _settle_order_column(draft: Draft, sample: Sample) -> None:
    """A column that says each row's order, where it does; else it means something else."""
    said = [order for order in ORDERS if order in sample.orders]
    if not said or len(said) != len(sample.orders):
        draft.order_column = None
        return
    column = format_path(draft.order_column or ())
    draft.order = said[0]
    draft.reasons.append(f"order: column {column} says {', '.join(said)}")
    if len(said) > 1 and draft.space is None:
        raise LayoutError(
            f"column {column} names several orders, and so boxes do not tell their space; say it "
            f'with a line such as space = "pixels" in --layout FILE.toml'
        )


def _settle_numbering(draft: Draft, sample: Sample) -> None:
    if sample.class_numbers is None:
        return
    verdict = judge_numbering(sample.class_numbers, draft.names or ())
    draft.id_offset, draft.id_table = verdict.id_offset, verdict.id_table
    draft.reasons.append(f"class numbers: {verdict.reason}")


def _check_names(draft: Draft, *, is_text: bool) -> None:
    if draft.category is None or is_text or draft.names is not None:
        return
    column = format_path(draft.category)
    raise LayoutError(
        f"{column} holds numbers, and neither the footer nor dataset_infos.json nor README.md "
        f"beside the data names the classes; give their names with --classes FILE, or with "
        f'names = [...] (or "coco", "voc") in --layout FILE.toml'
    )


def _finish(draft: Draft) -> Layout:
    values = {field.name: getattr(draft, field.name) for field in fields(Layout)}
    given = {name: value for name, value in values.items() if value is not None}
    return Layout(**given)
