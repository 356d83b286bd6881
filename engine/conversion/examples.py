"""Examples: records as lines of training jsonl, as PaddleFormers reads them."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import orjson

from groundray.engine.records import FloatArray, Records
from groundray.formats import FORMATS, BoxFormat, Rendered, Task
from groundray.formats.errors import FormatError, LabelError
from groundray.formats.prompts import class_list

IMAGE_PLACEHOLDER = "<image>"

# Python's integers, ready: made anew for each wire number they take twice as long (0.6 us a row).
_INTEGERS = np.arange(4096).astype(object)


class Refusal(NamedTuple):
    """A record that a format could not write: its place, a code, and what is wrong."""

    place: int
    reason: str
    detail: str


class Lines(NamedTuple):
    """Lines of jsonl with their newlines, how many they are, and what the format refused."""

    data: bytes | bytearray
    num_lines: int
    refusals: list[Refusal]


@dataclass(frozen=True, slots=True)
class ExampleStyle:
    """Everything about an example but the record.

    Attributes:
        name: of the format.
        format: writes the assistant's answer.
        origin: package that the format comes from, named when it raises.
        task: what is asked.
        system: text of the system message, or None for none.
        prompt: the user's text; `{classes}` and `{expression}` are filled in.
        classes: of the whole data set, in id order.
        present_only: whether `{classes}` names only the classes of the record.
    """

    name: str
    format: BoxFormat
    origin: str
    task: Task
    system: str | None
    prompt: str
    classes: Sequence[str]
    present_only: bool


def make_style(  # noqa: PLR0913  the options of convert and predict
    name: str,
    format_: BoxFormat,
    task: Task,
    *,
    classes: Sequence[str],
    prompt: str | None,
    system: str | None,
    present_only: bool,
) -> ExampleStyle:
    """How a format asks and answers.

    Args:
        name: that the format is registered by.
        format_: the format.
        task: what is asked.
        classes: of the whole data set, in id order.
        prompt: user text in place of the format's own; None leaves it.
        system: system text likewise; empty for none.
        present_only: whether prompts name only the classes of their own record.

    Raises:
        FormatError: the format cannot do the task.
    """
    if task not in format_.prompts:
        raise FormatError(
            f"format {name!r} cannot do {task!r} (it does {', '.join(format_.prompts)})"
        )
    return ExampleStyle(
        name=name,
        format=format_,
        origin=FORMATS.origin(name),
        task=task,
        system=format_.system if system is None else system or None,
        prompt=format_.prompts[task] if prompt is None else prompt,
        classes=classes,
        present_only=present_only,
    )


def check_prompt(style: ExampleStyle) -> None:
    """Refuses prompts that the trainer would misread.

    Raises:
        FormatError: a class name or the prompt itself holds an image placeholder.
    """
    named = style.classes if "{classes}" in style.prompt else ()
    for text in (style.prompt, style.system or "", *named):
        if IMAGE_PLACEHOLDER in text:
            raise FormatError(
                f"{text!r} holds {IMAGE_PLACEHOLDER!r}, which the trainer would take for another "
                "image; the prompt needs none (it is put in front), and class names must not hold "
                "it (rename them with --classes)"
            )


def example_lines(
    style: ExampleStyle, records: Records, images: Sequence[str], image_sizes: FloatArray
) -> Lines:
    """Lines of jsonl, one for each record that the format does not refuse.

    Args:
        style: the format and the prompt.
        records: boxes in pixels; no category of -1.
        images: N paths, relative to the folder of the jsonl file, or URLs.
        image_sizes: `(N, 2)` width, height of the stored frame.
    """
    refusals: list[Refusal] = []
    names = records.names
    categories = [names[code] for code in records.category.tolist()]
    offsets = records.offsets.tolist()
    answers = _render(style, records, categories, offsets, image_sizes)
    sizes = image_sizes.astype(np.int64).tolist()
    system = [] if style.system is None else [{"role": "system", "content": style.system}]
    fixed = IMAGE_PLACEHOLDER + style.prompt.replace(
        "{classes}", class_list(style.format, style.classes)
    )
    # as JSON already: the names of all classes, on every line, take longer than all else
    user: Any = orjson.Fragment(orjson.dumps({"role": "user", "content": fixed}))
    varies = "{expression}" in style.prompt or (style.present_only and "{classes}" in style.prompt)
    data = bytearray()  # grows in place, while each line's memory serves the next: 2 us a row less
    for i, (answer, identity, image, query, (width, height)) in enumerate(
        zip(answers, records.id, images, records.query, sizes, strict=True)
    ):
        try:
            if isinstance(answer, BaseException):
                raise answer  # noqa: TRY301  one place tells all refusals
            if varies:
                text = user_text(style, query, categories[offsets[i] : offsets[i + 1]])
                user = {"role": "user", "content": IMAGE_PLACEHOLDER + text}
            assistant = {"role": "assistant", "content": answer.assistant}
            example: dict[str, Any] = {"messages": [*system, user, assistant], "images": [image]}
            if answer.objects is not None:
                example["objects"] = answer.objects
            example["id"] = identity
            example["width"] = width
            example["height"] = height
            data += orjson.dumps(example, option=orjson.OPT_APPEND_NEWLINE)
        except (Exception, SystemExit) as error:  # noqa: BLE001  one place tells all
            refusals.append(_refusal(style, i, error))
    return Lines(data, len(records) - len(refusals), refusals)


def _render(
    style: ExampleStyle,
    records: Records,
    categories: Sequence[str],
    offsets: Sequence[int],
    image_sizes: FloatArray,
) -> list[Rendered | BaseException]:
    """The answer of each record; where a format that does all at once raises, one by one."""
    wire, refused = _encode(style, records, image_sizes)
    render_all = getattr(style.format, "render_all", None)
    if render_all is not None and not refused:
        with suppress(Exception, SystemExit):  # met again below, for the record that raises it
            rendered: list[Rendered | BaseException] = render_all(
                style.task,
                expressions=records.query,
                categories=categories,
                wire=wire,
                offsets=offsets,
            )
            if len(rendered) == len(records):
                return rendered
    render, task = style.format.render, style.task
    answers: list[Rendered | BaseException] = []
    for i, (query, (start, stop)) in enumerate(zip(records.query, pairwise(offsets), strict=True)):
        if i in refused:
            answers.append(refused[i])
            continue
        try:
            answers.append(
                render(
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
    style: ExampleStyle, records: Records, image_sizes: FloatArray
) -> tuple[list[list[float]], dict[int, BaseException]]:
    """Wire numbers of all boxes; where that raises, record by record, to find the one that does."""
    box_sizes = image_sizes[records.box_record]
    try:
        return _rows(style.format.encode(records.xyxy, box_sizes), records.num_boxes), {}
    except (Exception, SystemExit):  # noqa: BLE001  met again below, record by record
        wire: list[list[float]] = []
        refused: dict[int, BaseException] = {}
        for i, (start, stop) in enumerate(
            zip(records.offsets[:-1].tolist(), records.offsets[1:].tolist(), strict=True)
        ):
            try:
                encoded = style.format.encode(records.xyxy[start:stop], box_sizes[start:stop])
                wire.extend(_rows(encoded, stop - start))
            except (Exception, SystemExit) as error:  # noqa: BLE001  a format may be a plugin
                refused[i] = error
                wire.extend([[]] * (stop - start))
        return wire, refused


def _rows(encoded: Any, num_boxes: int) -> list[list[float]]:
    numbers = np.asarray(encoded)
    if len(numbers) != num_boxes:
        raise FormatError(f"encode returned {len(numbers)} rows for {num_boxes} boxes")
    is_whole = numbers.dtype.kind == "i" and numbers.size > 0
    if is_whole and numbers.min() >= 0 and numbers.max() < len(_INTEGERS):
        numbers = _INTEGERS[numbers]
    rows: list[list[float]] = numbers.tolist()
    return rows


def user_text(style: ExampleStyle, query: str | None, categories: Sequence[str]) -> str:
    """The user's text for one record, without the placeholder for its image.

    Args:
        style: the prompt.
        query: the record's referring expression, or None.
        categories: of its boxes.

    Raises:
        FormatError: the prompt asks for an expression, and there is none.
        LabelError: the expression would corrupt the text.
    """
    present = set(categories)
    classes = [n for n in style.classes if n in present] if style.present_only else style.classes
    prompt = style.prompt.replace("{classes}", class_list(style.format, classes))
    if "{expression}" in prompt:
        if query is None:
            raise FormatError("the prompt asks for {expression}, and the record has none")
        if IMAGE_PLACEHOLDER in query:
            raise LabelError(f"the expression {query!r} holds {IMAGE_PLACEHOLDER!r}")
        prompt = prompt.replace("{expression}", query)
    return prompt


def _refusal(style: ExampleStyle, index: int, error: BaseException) -> Refusal:
    if isinstance(error, LabelError):
        return Refusal(index, "label", str(error))
    detail = f"{style.name} ({style.origin}): {type(error).__name__}: {error}"
    return Refusal(index, "format_error", detail)
