"""Examples: records as lines of training jsonl, as PaddleFormers reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import orjson
import pyarrow as pa

from groundray.engine.arrays import from_numpy, from_utf8
from groundray.engine.conversion.answers import write_answers
from groundray.engine.conversion.json_texts import LONG_TEXT, escaped, joined
from groundray.engine.records import FloatArray, Records
from groundray.formats import FORMATS, BoxFormat, Task
from groundray.formats.errors import FormatError, LabelError
from groundray.formats.prompts import class_list

IMAGE_PLACEHOLDER = "<image>"


class Refusal(NamedTuple):
    """A record that a format could not write: its place, a code, and what is wrong."""

    place: int
    reason: str
    detail: str


class Lines(NamedTuple):
    """Lines of jsonl with their newlines, as `LONG_TEXT`, and what the format refused."""

    texts: pa.Array
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
    style: ExampleStyle, records: Records, images: pa.Array, image_sizes: FloatArray
) -> Lines:
    """Lines of jsonl, one for each record that the format does not refuse.

    Args:
        style: the format and the prompt.
        records: boxes in pixels; no category of -1.
        images: `(N,)` paths, relative to the folder of the jsonl file, or URLs.
        image_sizes: `(N, 2)` width, height of the stored frame.
    """
    answers = write_answers(style.format, style.task, records, image_sizes)
    refused = answers.refused
    sizes = image_sizes.astype(np.int64)
    lines = joined(
        '{"messages":[',
        *_asked(style, records, refused),
        ',{"role":"assistant","content":',
        answers.assistant,
        '}],"images":["',
        escaped(images),
        '"]',
        *answers.objects,
        ',"id":"',
        escaped(records.id.array),
        '","width":',
        from_numpy(sizes[:, 0]).cast(LONG_TEXT),
        ',"height":',
        from_numpy(sizes[:, 1]).cast(LONG_TEXT),
        "}\n",
        kind=LONG_TEXT,
    )
    if refused:
        written = np.ones(len(records), dtype=np.bool_)
        written[list(refused)] = False
        lines = lines.filter(from_numpy(written))
    refusals = [_refusal(style, i, refused[i]) for i in sorted(refused)]
    return Lines(lines, refusals)


def _asked(
    style: ExampleStyle, records: Records, refused: dict[int, BaseException]
) -> list[str | pa.Array]:
    """JSON of the messages before the answers, in pieces; records that cannot be asked are refused.

    Where all are asked the same, one text serves all: the names of the classes take a format longer
    than all else.
    """
    roles = [] if style.system is None else [{"role": "system", "content": style.system}]
    system = "".join(f"{orjson.dumps(role).decode()}," for role in roles)
    if "{expression}" not in style.prompt and not (
        style.present_only and "{classes}" in style.prompt
    ):
        classes = class_list(style.format, style.classes)
        return [system, _user(style.prompt.replace("{classes}", classes)).decode()]
    users = [b""] * len(records)
    names, category = records.names, records.category.tolist()
    for i, (query, (start, stop)) in enumerate(
        zip(records.query, pairwise(records.offsets.tolist()), strict=True)
    ):
        if i in refused:
            continue
        try:
            users[i] = _user(
                user_text(style, query, [names[code] for code in category[start:stop]])
            )
        except (Exception, SystemExit) as error:  # noqa: BLE001  a format may be a plugin
            refused[i] = error
    return [system, from_utf8(users)]


def _user(text: str) -> bytes:
    return orjson.dumps({"role": "user", "content": IMAGE_PLACEHOLDER + text})


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
