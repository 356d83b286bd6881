"""Answers: what a format has the assistant say of the records of a batch, as JSON."""

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from groundray.engine.arrays import from_numpy, from_texts, from_utf8, to_scalar
from groundray.engine.conversion.json_texts import (
    TEXT,
    escaped,
    escaped_text,
    joined,
    number_lists,
)
from groundray.engine.records import FloatArray, IntArray, Records
from groundray.formats import BoxFormat, Rendered, Task
from groundray.formats.errors import FormatError
from groundray.formats.outline import Field, Outline, Outlined

# Python's integers, ready: made anew for each wire number they take twice as long (0.6 us a row).
_INTEGERS = np.arange(4096).astype(object)

_MAX_NUMBER = 1 << 16
"""Numbers below it are looked up, not spelled; those of images are."""

Wire = NDArray[Any] | list[list[float]]
"""Numbers of all boxes: as `encode` gave them, or row by row where it had to be asked that way."""


class Answers(NamedTuple):
    """The answers of N records.

    Attributes:
        assistant: `(N,)` JSON of each text; empty where it was refused.
        objects: what goes with it in an example, `,"objects":{...}` or nothing, in pieces to be
            `joined`: the same for all, or `(N,)`.
        refused: what the format raised, by the record's place.
    """

    assistant: pa.Array
    objects: Sequence[str | pa.Array]
    refused: dict[int, BaseException]


def write_answers(
    format_: BoxFormat, task: Task, records: Records, image_sizes: FloatArray
) -> Answers:
    """The answer of each record.

    Args:
        format_: writes them: all at once where it has an outline or `render_all`, and none raises.
        task: what is asked.
        records: boxes in pixels; no category of -1.
        image_sizes: `(N, 2)` width, height of the stored frame.
    """
    wire, refused = _encode(format_, records, image_sizes)
    if not refused and isinstance(wire, np.ndarray):
        with suppress(Exception, SystemExit):  # met again below, for the record that raises it
            if (answers := _fill_in(format_, task, records, wire)) is not None:
                return answers
    return _dumped(_render(format_, task, records, _rows(wire), refused))


def _fill_in(
    format_: BoxFormat, task: Task, records: Records, wire: NDArray[Any]
) -> Answers | None:
    """Answers by the outline, or None where there is none, or none that numbers fit in."""
    find_outline = getattr(format_, "outline", None)
    if find_outline is None or not _fits_a_table(wire):
        return None
    used = np.flatnonzero(np.bincount(records.category, minlength=len(records.names)))
    names = [records.names[code] for code in used.tolist()]
    outlined: Outlined | None = find_outline(task, expressions=records.query, labels=names)
    if outlined is None or outlined.outline.fields.count(Field.NUMBER) not in (0, wire.shape[1]):
        return None
    outline = outlined.outline
    places = np.zeros(len(records.names), dtype=np.int64)
    places[used] = np.arange(len(used))
    label_texts = escaped(from_texts(outlined.label_texts))
    labels = from_numpy(places[records.category])
    assistant = _texts(outline, label_texts, labels, wire, records.offsets)
    objects: Sequence[str | pa.Array] = ()
    if outline.objects is not None:
        refs, bboxes = outline.objects
        quoted = joined('"', label_texts, '"').take(labels)
        objects = (
            f',"objects":{{"{refs}":[',
            _joined_lists(quoted, ",", records.offsets),
            f'],"{bboxes}":[',
            number_lists(wire, records.offsets),
            "}",
        )
    has_none = np.diff(records.offsets) == 0
    if has_none.any():
        nothing = to_scalar(orjson.dumps(outlined.nothing).decode(), TEXT)
        assistant = pc.if_else(from_numpy(has_none), nothing, assistant)
        if objects:
            written = pc.if_else(from_numpy(has_none), to_scalar("", TEXT), joined(*objects))
            objects = (written,)
    return Answers(assistant, objects, {})


def _fits_a_table(wire: NDArray[Any]) -> bool:
    """Whether all numbers are whole, and few enough to be spelled beforehand."""
    if wire.ndim != 2 or wire.dtype.kind not in "iu":
        return False
    return not wire.size or bool(wire.min() >= 0 and wire.max() < _MAX_NUMBER)


def _texts(
    outline: Outline,
    label_texts: pa.Array,
    labels: pa.Array,
    wire: NDArray[Any],
    offsets: IntArray,
) -> pa.Array:
    """`(N,)` JSON of the texts of an outline.

    Args:
        outline: how they are put together.
        label_texts: `(C,)` as JSON escapes them.
        labels: `(M,)` which of them each box has.
        wire: `(M, K)` whole numbers.
        offsets: `(N + 1,)` where the boxes of each record begin and end.
    """
    if not outline.fields:  # it only counts
        counts = np.diff(offsets)
        places = np.zeros(int(counts.max(initial=0)) + 1, dtype=np.int64)
        used = np.flatnonzero(np.bincount(counts))
        places[used] = np.arange(len(used))
        texts = [outline.render([""] * count, [()] * count).assistant for count in used.tolist()]
        return from_utf8(list(map(orjson.dumps, texts))).take(from_numpy(places[counts]))
    size = 1 << int(wire.max(initial=1023)).bit_length()
    numbers = iter(wire.T)
    pieces: list[str | pa.Array] = []
    for piece in outline.item:
        if piece is Field.LABEL:
            pieces.append(label_texts.take(labels))
        elif piece is Field.NUMBER:
            spelled = _spelled_numbers(outline.number, size)
            pieces.append(spelled.take(from_numpy(next(numbers))))
        else:
            pieces.append(escaped_text(piece))
    return joined(
        f'"{escaped_text(outline.head)}',
        _joined_lists(joined(*pieces), escaped_text(outline.between), offsets),
        f'{escaped_text(outline.tail)}"',
    )


def _joined_lists(texts: pa.Array, separator: str, offsets: IntArray) -> pa.Array:
    """`(N,)` texts: `offsets[i]:offsets[i + 1]` of those given, with a separator between them."""
    lists = pa.ListArray.from_arrays(from_numpy(offsets.astype(np.int32)), texts)
    return pc.binary_join(lists, to_scalar(separator, TEXT))


@lru_cache(maxsize=16)
def _spelled_numbers(template: str, size: int) -> pa.Array:
    return from_texts([template % number for number in range(size)])


def _dumped(answers: Sequence[Rendered | BaseException]) -> Answers:
    """Answers that were rendered one by one."""
    refused: dict[int, BaseException] = {}
    assistant = [b""] * len(answers)
    objects = [b""] * len(answers)
    for i, answer in enumerate(answers):
        try:
            if isinstance(answer, BaseException):
                raise answer  # noqa: TRY301  one place tells all refusals
            if answer.objects is not None:
                objects[i] = b',"objects":' + orjson.dumps(answer.objects)
            assistant[i] = orjson.dumps(answer.assistant)
        except (Exception, SystemExit) as error:  # noqa: BLE001  a format may be a plugin
            refused[i] = error
    return Answers(from_utf8(assistant), [from_utf8(objects)], refused)


def _render(
    format_: BoxFormat,
    task: Task,
    records: Records,
    wire: list[list[float]],
    refused: dict[int, BaseException],
) -> list[Rendered | BaseException]:
    """The answer of each record; where a format that does all at once raises, one by one."""
    names = records.names
    categories = [names[code] for code in records.category.tolist()]
    offsets = records.offsets.tolist()
    render_all = getattr(format_, "render_all", None)
    if render_all is not None and not refused:
        with suppress(Exception, SystemExit):  # met again below, for the record that raises it
            rendered: list[Rendered | BaseException] = render_all(
                task,
                expressions=records.query,
                categories=categories,
                wire=wire,
                offsets=offsets,
            )
            if len(rendered) == len(records):
                return rendered
    answers: list[Rendered | BaseException] = []
    for i, (query, (start, stop)) in enumerate(zip(records.query, pairwise(offsets), strict=True)):
        if i in refused:
            answers.append(refused[i])
            continue
        try:
            answers.append(
                format_.render(
                    task,
                    expression=query,
                    categories=categories[start:stop],
                    wire=wire[start:stop],
                )
            )
        except (Exception, SystemExit) as error:  # noqa: BLE001  a format may be a plugin
            answers.append(error)
    return answers


def _encode(
    format_: BoxFormat, records: Records, image_sizes: FloatArray
) -> tuple[Wire, dict[int, BaseException]]:
    """Wire numbers of all boxes; where that raises, record by record, to find the one that does."""
    box_sizes = records.per_box(image_sizes)
    try:
        return _checked(format_.encode(records.xyxy, box_sizes), records.num_boxes), {}
    except (Exception, SystemExit):  # noqa: BLE001  met again below, record by record
        wire: list[list[float]] = []
        refused: dict[int, BaseException] = {}
        for i, (start, stop) in enumerate(pairwise(records.offsets.tolist())):
            try:
                encoded = format_.encode(records.xyxy[start:stop], box_sizes[start:stop])
                wire.extend(_rows(_checked(encoded, stop - start)))
            except (Exception, SystemExit) as error:  # noqa: BLE001  a format may be a plugin
                refused[i] = error
                wire.extend([[]] * (stop - start))
        return wire, refused


def _checked(encoded: Any, num_boxes: int) -> NDArray[Any]:
    numbers = np.asarray(encoded)
    if len(numbers) != num_boxes:
        raise FormatError(f"encode returned {len(numbers)} rows for {num_boxes} boxes")
    return numbers


def _rows(numbers: Wire) -> list[list[float]]:
    if isinstance(numbers, list):
        return numbers
    is_whole = numbers.dtype.kind == "i" and numbers.size > 0
    if is_whole and numbers.min() >= 0 and numbers.max() < len(_INTEGERS):
        numbers = _INTEGERS[numbers]
    rows: list[list[float]] = numbers.tolist()
    return rows
