"""What is wrong with one line of training jsonl, by what the trainer would make of it.

The trainer dies of a line that is no JSON. It leaves out, with no more than a log line, what lacks
an image or an answer. What has more or fewer objects than placeholders it trains as it stands: with
a literal `<bbox>` in the answer, or another object's box.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from groundray.engine.conversion.examples import IMAGE_PLACEHOLDER
from groundray.formats.trainer import BBOX, REF_OBJECT


class Problem(NamedTuple):
    """A code that problems are counted by, and what is wrong, in words."""

    code: str
    detail: str


def parse_example(line: bytes) -> dict[str, Any] | Problem:
    """The example in a line, or what keeps the trainer from reading it."""
    try:
        example = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return Problem("not_json", f"the trainer dies of it: {error}")
    if not isinstance(example, dict) or not _are_messages(example.get("messages")):
        return Problem("no_messages", "no list of messages, each with a role and a text")
    if not _are_texts(example.get("images", [])):
        return Problem("no_images", "`images` is no list of paths")
    return example


def example_problems(example: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of an example that `parse_example` gave, of its text and objects.

    Args:
        example: with messages and images.
    """
    turns = [m for m in example["messages"] if m["role"] != "system"]
    texts = [message["content"] for message in turns]
    if not turns or len(turns) % 2 or any(m["role"] != "assistant" for m in turns[1::2]):
        yield Problem("no_answer", "its messages are not questions, each followed by an answer")
    elif not all(text.strip() for text in texts[1::2]):
        yield Problem("empty_answer", "an answer is empty: the trainer leaves the example out")
    images, marks = len(example.get("images", [])), _count(texts, IMAGE_PLACEHOLDER)
    if images != marks:
        yield Problem(
            "images_unlike_placeholders",
            f"{images} images for {marks} {IMAGE_PLACEHOLDER}: the trainer leaves the example out",
        )
    yield from _object_problems(example, texts)


def _object_problems(example: Mapping[str, Any], texts: Sequence[str]) -> Iterator[Problem]:
    objects = example.get("objects", {})
    if not isinstance(objects, dict):
        yield Problem(
            "bad_objects", f"`objects` is {objects!r}: the trainer leaves the example out"
        )
        return
    labels, boxes = objects.get("ref", []), objects.get("bbox", [])
    if not _are_texts(labels) or not _are_boxes(boxes):
        yield Problem(
            "bad_objects", "`objects` is not a list of labels and one of four numbers each"
        )
        return
    for name, mark, values in (("ref", REF_OBJECT, labels), ("bbox", BBOX, boxes)):
        marks = _count(texts, mark)
        if marks != len(values):
            yield Problem(
                "placeholders_unlike_objects",
                f"{marks} {mark} for {len(values)} in objects.{name}: trained as it stands, it is "
                "wrong",
            )
    for label in labels:
        if BBOX in label or REF_OBJECT in label:
            yield Problem("label_is_placeholder", f"the label {label!r} holds a placeholder")


def _count(texts: Sequence[str], mark: str) -> int:
    return sum(text.count(mark) for text in texts)


def _are_messages(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(each, dict)
            and isinstance(each.get("role"), str)
            and isinstance(each.get("content"), str)
            for each in value
        )
    )


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _are_boxes(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(box, list)
        and len(box) >= 4
        and all(isinstance(number, int | float) and not isinstance(number, bool) for number in box)
        for box in value
    )
