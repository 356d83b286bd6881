"""Answers of a batch are those that a format renders one by one, whichever way they are made."""

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundray.engine.arrays import from_texts
from groundray.engine.conversion.answers import write_answers
from groundray.engine.conversion.json_texts import joined
from groundray.engine.records import Records, offsets_of
from groundray.engine.texts import Texts
from groundray.formats import Rendered, Task, format_names, get_format
from groundray.formats.conformance import NASTY_LABELS
from groundray.formats.declared import DeclaredFormat
from groundray.formats.errors import LabelError
from groundray.formats.grammars.json_objects import Json

LABELS = ["cat", "traffic light", '15" monitor', "羊", "back\\slash", "a%sb%%"]


def make_records(
    counts: list[int], names: list[str], task: Task, seed: int, size: int = 640
) -> tuple[Records, Any]:
    rng = np.random.default_rng(seed)
    offsets = offsets_of(np.array(counts, dtype=np.int64))
    num_boxes, num_records = int(offsets[-1]), len(counts)
    ids = Texts(from_texts(list(map(str, range(num_records)))))
    zeros, flags = np.zeros(num_records, dtype=np.int64), np.zeros(num_boxes, dtype=np.bool_)
    records = Records(
        row=zeros,
        id=ids,
        image_key=ids,
        width=zeros,
        height=zeros,
        offsets=offsets,
        xyxy=np.sort(rng.uniform(0, size, (num_boxes, 2, 2)), axis=1).reshape(-1, 4),
        category=rng.integers(0, len(names), num_boxes),
        names=names,
        area=np.zeros(num_boxes),
        iscrowd=flags,
        difficult=flags,
        query=["the cat"] * num_records if task == "grounding" else [None] * num_records,
    )
    return records, np.full((num_records, 2), float(size))


def check_one_by_one(format_: Any, task: Task, records: Records, image_sizes: Any) -> None:
    """Each answer is JSON of what `render` gives, or refused with what it raises."""
    answers = write_answers(format_, task, records, image_sizes)
    texts = answers.assistant.to_pylist()
    objects = joined(*answers.objects, from_texts([""] * len(records))).to_pylist()
    wire = format_.encode(records.xyxy, records.per_box(image_sizes)).tolist()
    names = [records.names[code] for code in records.category]

    def render(i: int) -> Rendered:
        own = slice(int(records.offsets[i]), int(records.offsets[i + 1]))
        query = records.query[i]
        rendered: Rendered = format_.render(
            task, expression=query, categories=names[own], wire=wire[own]
        )
        return rendered

    for i in range(len(records)):
        if i in answers.refused:
            with pytest.raises(LabelError, match=re.escape(str(answers.refused[i]))):
                render(i)
            continue
        rendered = render(i)
        assert json.loads(texts[i]) == rendered.assistant
        example = json.loads(f'{{"id":""{objects[i]}}}')
        assert example.get("objects") == rendered.objects


@pytest.mark.parametrize("name", format_names())
@settings(deadline=None, max_examples=20)
@given(counts=st.lists(st.integers(0, 9), max_size=6), seed=st.integers(0, 2**32))
def test_every_format_says_of_a_batch_what_it_says_of_each(
    name: str, counts: list[int], seed: int
) -> None:
    format_ = get_format(name)
    for task in format_.prompts:
        check_one_by_one(format_, task, *make_records(counts, LABELS, task, seed))


@pytest.mark.parametrize("name", ["qwen3-vl", "qwen2.5-vl", "paligemma", "internvl"])
def test_what_cannot_be_written_is_refused_alone(name: str) -> None:
    records, sizes = make_records([1] * 80, list(NASTY_LABELS), "detection", seed=1)
    check_one_by_one(get_format(name), "detection", records, sizes)


def test_a_label_that_no_box_has_does_no_harm() -> None:
    records, sizes = make_records([2, 0, 1], ["cat"], "detection", seed=1)
    check_one_by_one(
        get_format("qwen3-vl"), "detection", replace(records, names=["cat", "<bbox>"]), sizes
    )


@pytest.mark.parametrize("size", [1, 1023, 1024, 4097, 65_535, 65_536, 200_000])
def test_pixels_of_any_image_are_spelled(size: int) -> None:
    class Pixels:
        space = "pixels"

        def encode(self, xyxy: Any, image_sizes: Any) -> Any:
            return np.minimum(np.rint(xyxy), image_sizes.max(initial=0)).astype(np.int64)

        def decode(self, wire: Any, image_size: Any) -> Any:
            return np.asarray(wire, dtype=np.float64).reshape(-1, 4)

    base = get_format("qwen3-vl")
    assert isinstance(base, DeclaredFormat)
    for grammar in (base.grammar, Json(item='{"b": {box}, "l": {label}}')):
        format_ = replace(base, codec=Pixels(), grammar=grammar)
        records, sizes = make_records([3, 1], LABELS, "detection", seed=2, size=size)
        records.xyxy[0] = [0, 0, size, size]
        check_one_by_one(format_, "detection", records, sizes)
