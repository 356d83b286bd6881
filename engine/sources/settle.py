"""Settling a layout: what was declared, what the schema tells, what a sample of boxes bears out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import NamedTuple

import pyarrow as pa
import pyarrow.types as pt

from groundray.engine.sources.class_names import Naming, Part, find_namings, the_naming
from groundray.engine.sources.class_numbers import judge_numbering
from groundray.engine.sources.draft import Draft
from groundray.engine.sources.evidence import judge
from groundray.engine.sources.layout import ORDERS, Layout, Path, format_path
from groundray.engine.sources.parquet import FooterFacts
from groundray.engine.sources.roles import find_roles
from groundray.engine.sources.sample import Sample, read_sample
from groundray.engine.sources.schema import (
    Field,
    describe_columns,
    describe_type,
    find,
    innermost,
    walk,
)
from groundray.engine.sources.source import SourceFile
from groundray.formats.errors import LayoutError


class Settled(NamedTuple):
    """What a data set's columns mean.

    Attributes:
        layout: of all files that fit.
        reason: where each piece of it was found, a line a piece.
        misfits: URL of a file whose columns it does not fit -> why not.
    """

    layout: Layout
    reason: str
    misfits: dict[str, str]


def settle(draft: Draft, parts: Sequence[Part], image_root: str | None) -> Settled:
    """Settles what a draft leaves open.

    Args:
        draft: what was declared; changed in place.
        parts: the files that can be read, at least one.
        image_root: where image files are looked for, or None.

    Raises:
        LayoutError: something cannot be settled.
    """
    schemas = {id(part.footer.schema): part.footer.schema for part in parts}  # few
    schema = _usual_schema([part.footer.schema for part in parts], schemas)
    namings = find_namings(parts)
    find_roles(
        draft,
        schema,
        {path: found[0].names for path, found in namings.items()},
        is_empty=lambda path: all(_lacks(part.footer, path) for part in parts),
    )
    category = None if draft.category is None else find(list(walk(schema)), draft.category)
    is_numbered = category is not None and not category.is_text
    if is_numbered and draft.names is None:
        draft.names = _find_names(draft, namings)
    reasons = {key: _misfit(draft, schema, each) for key, each in schemas.items()}
    misfits = {
        part.file.url: reason
        for part in parts
        if (reason := reasons[id(part.footer.schema)]) is not None
    }
    files = [part.file for part in parts if part.file.url not in misfits]
    _settle_by_sample(draft, files, image_root, is_numbered=is_numbered)
    return Settled(_finish(draft), "\n".join(draft.reasons), misfits)


def _usual_schema(schemas: Sequence[pa.Schema], distinct: Mapping[int, pa.Schema]) -> pa.Schema:
    """The schema that most files have; the first of them, where several are as frequent."""
    described = {key: describe_columns(schema) for key, schema in distinct.items()}
    texts = [described[id(schema)] for schema in schemas]
    usual = Counter(texts).most_common(1)[0][0]
    return schemas[texts.index(usual)]


def _find_names(draft: Draft, namings: Mapping[Path, list[Naming]]) -> tuple[str, ...]:
    path = draft.category or ()
    naming = the_naming(namings, path)
    if naming is None:
        raise LayoutError(
            f"{format_path(path)} holds numbers, and neither the footer nor dataset_infos.json nor "
            f"README.md beside the data names the classes; give their names with --classes FILE, "
            f'or with names = [...] (or "coco", "voc") in --layout FILE.toml'
        )
    draft.reasons.append(f"class names: {len(naming.names)} from {naming.place}")
    return naming.names


def _settle_by_sample(
    draft: Draft, files: Sequence[SourceFile], image_root: str | None, *, is_numbered: bool
) -> None:
    needs_numbering = is_numbered and draft.id_offset is None and draft.id_table is None
    if draft.order is None or draft.space is None or needs_numbering:
        sample = read_sample(draft, files, image_root)
        _settle_convention(draft, sample)
        if needs_numbering:
            _settle_numbering(draft, sample)


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


def _misfit(draft: Draft, usual: pa.Schema, schema: pa.Schema) -> str | None:
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
    if field.is_text or field.is_number:
        return field.lists, "text" if field.is_text else "number"
    return field.lists, "bytes" if pt.is_binary(type_) else str(type_.id)


def _lacks(footer: FooterFacts, path: Path) -> bool:
    try:
        return footer.is_empty(path)
    except KeyError:
        return True


def _finish(draft: Draft) -> Layout:
    values = {field.name: getattr(draft, field.name) for field in fields(Layout)}
    given = {name: value for name, value in values.items() if value is not None}
    return Layout(**given)
