"""Ids: what names each row, from a column, from the image's name, or from where the row stands."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from groundray.engine.arrays import from_numpy, from_texts
from groundray.engine.records import BoolArray, IntArray
from groundray.engine.sources.columns import (
    Column,
    follow,
    null_mask,
)
from groundray.engine.sources.layout import Layout
from groundray.engine.sources.source import SourceFile
from groundray.engine.texts import Texts

_STEM = r"^(?:.*[/\\])?(.+?)(?:\.[^./\\]*)?$"


def read_ids(
    layout: Layout, file: SourceFile, batch: pa.RecordBatch, first_row: int
) -> tuple[pa.Array, BoolArray | None]:
    """Ids of the rows of a batch, without scope, and where the id column itself is null.

    Returns:
        An int64 or string array without a null, of the same type for every batch of a source; and
        `(N,)` rows whose id is a stand-in because the column has none, or None.
    """
    if layout.id is not None:
        ids = _plain(follow(batch, layout.id).values)
        nulls = null_mask(ids)
        return (ids, None) if nulls is None else (_fill(ids, file, first_row), nulls)
    if layout.image_name is not None:
        names = follow(batch, layout.image_name).values.cast(pa.string())
        stems = pc.replace_substring_regex(names, pattern=_STEM, replacement=r"\1")
        return (stems if stems.null_count == 0 else _fill(stems, file, first_row)), None
    return _row_names(file, first_row, len(batch)), None


def expression_ids(base: pa.Array, counts: IntArray, own: Column | None) -> pa.Array:
    """Ids of expressions: the row's id, and what tells a row's expressions apart.

    Args:
        base: ids of N rows.
        counts: `(N,)` records a row gives, at least 1.
        own: what the source itself calls the expressions, or None to count them from 0 in rows that
            have several.
    """
    rows = np.repeat(np.arange(len(base)), counts)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    texts = list(id_texts(base))
    if own is None:
        several = counts[rows] > 1
        tails = [
            f"-{i}" if s else "" for i, s in zip(places.tolist(), several.tolist(), strict=True)
        ]
    else:
        tails = _own_tails(own, rows, places)
    return from_texts(
        [f"{texts[row]}{tail}" for row, tail in zip(rows.tolist(), tails, strict=True)]
    )


def add_scope(ids: pa.Array, scope: str | None) -> pa.Array:
    """Ids that say which INPUT they are from; a scope holds no dot: the first dot ends it."""
    if scope is None:
        return ids
    return pc.binary_join_element_wise(pa.scalar(scope), ids.cast(pa.string()), ".")


def id_texts(ids: pa.Array) -> Texts:
    """Ids as text."""
    return Texts(ids.cast(pa.string()))


def _own_tails(own: Column, rows: IntArray, places: IntArray) -> list[str]:
    names = own.values.to_pylist()
    if own.offsets is None:
        return [f"-{names[row]}" for row in rows.tolist()]
    index = own.offsets[rows] + places
    inside = index < own.offsets[rows + 1]
    return [
        f"-{names[i]}" if has else f"-{place}"
        for i, has, place in zip(index.tolist(), inside.tolist(), places.tolist(), strict=True)
    ]


def _plain(ids: pa.Array) -> pa.Array:
    """Ids as int64 or string."""
    if ids.type == pa.int64() or ids.type == pa.string():
        return ids
    is_wide = pt.is_uint64(ids.type)
    return ids.cast(pa.int64() if pt.is_integer(ids.type) and not is_wide else pa.string())


def _fill(ids: pa.Array, file: SourceFile, first_row: int) -> pa.Array:
    if pt.is_integer(ids.type):
        return pc.coalesce(ids, from_numpy(-1 - first_row - np.arange(len(ids))))
    return pc.coalesce(ids, _row_names(file, first_row, len(ids)))


def _row_names(file: SourceFile, first_row: int, count: int) -> pa.Array:
    rows = from_numpy(np.arange(first_row, first_row + count)).cast(pa.string())
    return pc.binary_join_element_wise(pa.scalar(file.stem), rows, "-")
