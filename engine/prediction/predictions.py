"""Predictions: what a checkpoint said about a record, beside what is true, as lines of jsonl."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from groundray.engine.records import Records
from groundray.formats import BoxFormat, ParsedAnswer, Task
from groundray.formats.issues import BAD_BOX, TRUNCATED
from groundray.models import Answer, Token

_MAX_TEXT_CHARS = 1_000_000  # of runaway text, no more is kept than anyone reads


@dataclass(frozen=True, slots=True)
class PredictionStyle:
    """Everything about a prediction but the record and the answer.

    Attributes:
        format: reads the answers.
        origin: package that the format comes from, named when it raises.
        task: what was asked.
        checkpoint: name of who answered.
    """

    format: BoxFormat
    origin: str
    task: Task
    checkpoint: str


@dataclass(frozen=True, slots=True)
class PredictionLine:
    """A line of predictions jsonl with its newline, and what is counted of it."""

    data: bytes
    num_boxes: int
    issues: tuple[str, ...]
    error: str | None


def prediction_line(
    style: PredictionStyle, records: Records, i: int, *, image: str, answer: Answer
) -> PredictionLine:
    """The prediction for record `i`.

    Args:
        style: how answers are read.
        records: boxes in pixels, width and height of the stored frame.
        i: which of them.
        image: path relative to the folder of the jsonl file, or URL.
        answer: to the record's prompt; with an error it names no objects and has no issues.
    """
    width, height = int(records.width[i]), int(records.height[i])
    objects, issues, error = _read(style, answer, (width, height))
    line = {
        "id": records.id[i],
        "image": image,
        "width": width,
        "height": height,
        "query": records.query[i],
        "targets": _targets(records, i),
        "predictions": objects,
        "text": answer.text[:_MAX_TEXT_CHARS],
        "finish": None if answer.error is not None else answer.finish,
        "num_tokens": answer.num_tokens,
        "issues": issues,
        "error": error,
        "task": style.task,
        "geometry": getattr(style.format, "geometry", "box"),
        "format": style.format.name,
        "checkpoint": style.checkpoint,
    }
    return PredictionLine(_to_json(line), len(objects), issues, error)


def _targets(records: Records, i: int) -> list[dict[str, Any]]:
    boxes = slice(int(records.offsets[i]), int(records.offsets[i + 1]))
    columns = (records.category, records.xyxy, records.area, records.iscrowd)
    return [
        {"category": records.names[code], "xyxy": xyxy, "area": area, "iscrowd": iscrowd}
        for code, xyxy, area, iscrowd in zip(*(c[boxes].tolist() for c in columns), strict=True)
    ]  # an area of NaN becomes null


def _read(
    style: PredictionStyle, answer: Answer, image_size: tuple[int, int]
) -> tuple[list[dict[str, Any]], tuple[str, ...], str | None]:
    """What an answer says: objects in pixels, issues, and what kept it from being read."""
    if answer.error is not None:
        return [], (), answer.error
    try:
        parsed = style.format.parse(answer.text)
        boxes = _decode(style.format, parsed, image_size)
    except (Exception, SystemExit) as error:  # noqa: BLE001  a format may be a plugin: one answer
        name = f"format {style.format.name} ({style.origin})"
        return [], (), f"{name} raised on the answer: {type(error).__name__}: {error}"
    issues = dict.fromkeys(parsed.issues)
    if answer.finish == "length":
        issues[TRUNCATED] = None
    scores = box_scores(parsed, answer.tokens)
    objects = []
    for each, xyxy, score in zip(parsed.objects, boxes, scores, strict=True):
        if xyxy is None:
            issues[BAD_BOX] = None
        else:
            wire = list(each.wire)
            objects.append({"category": each.category, "xyxy": xyxy, "score": score, "wire": wire})
    return objects, tuple(issues), None


def _decode(
    format_: BoxFormat, parsed: ParsedAnswer, image_size: tuple[int, int]
) -> list[list[float] | None]:
    """Pixels of each object; None where they are no finite numbers."""
    if not parsed.objects:
        return []
    rows = [each.wire for each in parsed.objects]
    if len({len(row) for row in rows}) == 1:
        decoded = format_.decode(np.array(rows, dtype=np.float64), image_size)
    else:
        decoded = np.concatenate(
            [format_.decode(np.array([row], dtype=np.float64), image_size) for row in rows]
        )
    finite = np.isfinite(decoded).all(axis=1).tolist()
    return [box if sound else None for box, sound in zip(decoded.tolist(), finite, strict=True)]


def box_scores(parsed: ParsedAnswer, tokens: Sequence[Token] | None) -> list[float | None]:
    """A score for each object: exp of the mean logprob of the tokens that write its coordinates.

    None for all where the tokens or the places of the coordinates are not known.
    """
    if tokens is None or len(parsed.spans) != len(parsed.objects):
        return [None] * len(parsed.objects)
    ends = np.cumsum([len(token.text) for token in tokens])
    logprobs = np.array([token.logprob for token in tokens])
    scores: list[float | None] = []
    for start, stop in parsed.spans:
        first = int(np.searchsorted(ends, start, side="right"))
        last = int(np.searchsorted(ends, stop, side="left")) + 1
        inside = logprobs[first:last]
        scores.append(float(np.exp(inside.mean())) if len(inside) else None)
    return scores


def _to_json(line: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # text that is no Unicode, or a number beyond 64 bits in `wire`
        return orjson.dumps(_plain(line), option=orjson.OPT_APPEND_NEWLINE)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return float(value) if isinstance(value, int) and abs(value) >= 1 << 53 else value
