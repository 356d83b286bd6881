"""What every format must do, as a test class for pytest and as `groundray formats check NAME`.

A plugin tests itself like this, with pytest:

    from groundray.formats.conformance import Conformance

    class TestToy(Conformance):
        name = "toy"
"""

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from time import thread_time
from typing import NamedTuple

import numpy as np

from groundray.formats import get_format
from groundray.formats.base import BoxFormat, FloatArray, ParsedAnswer, ParsedObject, Rendered
from groundray.formats.errors import LabelError
from groundray.formats.geometry import geometry_of, sayable
from groundray.formats.tasks import TASKS, Task
from groundray.formats.trainer import trained_text

NASTY_LABELS = (
    "cat",
    "traffic light",
    '15" monitor',
    "woman's hat",
    'the "big", red dog',
    "a, b",
    "jersey [7, 8, 9, 10]",
    "shirt (1,2),(3,4)",
    "{curly}",
    '{"bbox_2d": [1, 2, 3, 4]}',
    '", "label": "x',
    "back\\slash\\",
    "羊，空桌子",  # noqa: RUF001 - a label in Chinese
    "émigré ✂️ 👩‍🚀",
    " padded ",
    "two\nlines",
    "tab\there",
    "null",
    "None",
    "1",
    "a<b>c",
    "```json",
    "</s>",
    "<bbox>",
    "<ref-object>",
    "<image>",
    "<|box_end|>",
    "<think>",
    "</think>",
    "<answer>",
    "",
    " ",
    "\ud83d",
    "x" * 500,
)
"""Labels that have broken somebody's parser; a format writes one exactly or refuses it."""

_NUM_BOXES = 500
_NUM_PLACES = 10_001
_TINY = 1e-9
_RUNAWAY = ("9", "[", "{", '"', "\\", "(", "<", "1, ", "[1, 2, 3, 4], ", "cat, ", " ", "<0>")
_SHORTEST = 10_000
_GROWTH = 4
_NOISE_S = 0.05
_TRIES = 5  # something else may run at the same time: the quickest counts


class Check(NamedTuple):
    """Result of one check; `problem` is None where it passed."""

    name: str
    problem: str | None


class Conformance:
    """Checks of one format; each raises AssertionError with what is wrong.

    Attributes:
        name: of the format, as registered.
    """

    name: str

    @cached_property
    def format(self) -> BoxFormat:
        """The format under test."""
        return get_format(self.name)

    def test_boxes_survive_encode_and_decode(self) -> None:
        """Or their centres, for points: within the format's tolerance, half a step without one."""
        geometry = geometry_of(self.format)
        for width, height in ((640, 480), (1, 1), (333, 4001), (8000, 6000)):
            xyxy, sizes = _random_boxes(_NUM_BOXES, (width, height))
            expected = sayable(xyxy, geometry)
            decoded = self.format.decode(self.format.encode(xyxy, sizes), (width, height))
            _require(decoded.shape == (_NUM_BOXES, 4), f"decode gives shape {decoded.shape}")
            off = np.abs(decoded - expected) - self._tolerance() * self._steps((width, height))
            row, column = np.unravel_index(off.argmax(), off.shape)
            _require(
                bool(off[row, column] <= 1e-6 * max(width, height)),
                f"{expected[row].tolist()} in {width}x{height} comes back as "
                f"{decoded[row].tolist()}",
            )

    def test_encoding_many_boxes_equals_one_by_one(self) -> None:
        """Images of several sizes in one call."""
        xyxy, sizes = _mixed_boxes(60)
        together = self.format.encode(xyxy, sizes)
        single = [self.format.encode(xyxy[i : i + 1], sizes[i : i + 1]) for i in range(len(xyxy))]
        _require(
            bool(np.array_equal(together, np.concatenate(single))), "rows depend on each other"
        )

    def test_no_boxes_encode_and_decode_to_none(self) -> None:
        """Empty arrays keep their number of columns."""
        wire = self.format.encode(np.empty((0, 4)), np.empty((0, 2)))
        _require(len(wire) == 0, f"encode of no boxes gives {len(wire)}")
        decoded = self.format.decode(wire, (640, 480))
        _require(decoded.shape == (0, 4), f"decode of no boxes gives shape {decoded.shape}")

    def test_answers_read_back(self) -> None:
        """Of one to sixty objects, for each task."""
        for task in self._tasks():
            for count in (1, 2, 7, 60):
                labels = [f"thing {'abc'[i % 3]}" for i in range(count)]
                wire = self._wire(count)
                answer = self.format.parse(self._text(task, labels, wire))
                _require(not answer.issues, f"{task}: a sound answer has issues {answer.issues}")
                self._require_same(answer, labels, wire, f"{task}, {count} objects")

    def test_many_images_are_rendered_as_one_by_one(self) -> None:
        """By `render_all`, where the format has it; one that says nothing is among them."""
        render_all = getattr(self.format, "render_all", None)
        if render_all is None:
            return
        for task in self._tasks():
            asked = "the thing on the left" if task == "grounding" else None
            offsets = [0, 2, 2, 5]
            labels, wire = ["cat", "traffic light", "cat", "dog", "cat"], self._wire(5)
            together = render_all(
                task, expressions=[asked] * 3, categories=labels, wire=wire, offsets=offsets
            )
            single = [
                self.format.render(
                    task, expression=asked, categories=labels[start:stop], wire=wire[start:stop]
                )
                for start, stop in pairwise(offsets)
            ]
            _require(together == single, f"{task}: {together} is not {single}")

    def test_an_outline_says_what_is_rendered(self) -> None:
        """Where the format has one."""
        find_outline = getattr(self.format, "outline", None)
        if find_outline is None:
            return
        for task in self._tasks():
            asked = "the thing on the left" if task == "grounding" else None
            labels, wire = ["cat", "traffic light", "dog"], self._wire(3)
            outlined = find_outline(task, expressions=[asked], labels=labels)
            if outlined is None:
                continue
            for count in range(4):
                given, texts = labels[:count], outlined.label_texts[:count]
                said = outlined.outline.render(texts, wire[:count])
                filled_in = said if count else Rendered(outlined.nothing)
                rendered = self.format.render(
                    task, expression=asked, categories=given, wire=wire[:count]
                )
                _require(filled_in == rendered, f"{task}: {filled_in} is not {rendered}")

    def test_spans_lie_in_the_text(self) -> None:
        """One for each object, in order, or none at all where the format does not say."""
        for task in self._tasks():
            text = self._text(task, ["cat"] * 3, self._wire(3))
            spans = self.format.parse(text).spans
            places = [place for span in spans for place in span]
            _require(
                not spans
                or (len(spans) == 3 and places == sorted(places) and places[-1] <= len(text)),
                f"{task}: the spans of three objects are {spans} of {len(text)} characters",
            )

    def test_nothing_there_is_an_answer(self) -> None:
        """No objects and no issues, in a text that is not empty: trainers skip empty ones."""
        for task in self._tasks():
            text = self._text(task, [], [])
            _require(text.strip() != "", f"{task}: the answer for nothing is empty")
            answer = self.format.parse(text)
            _require(answer == ParsedAnswer(), f"{task}: {text!r} is read as {answer}")

    def test_labels_are_written_exactly_or_refused(self) -> None:
        """A label that would be read back as another one must raise LabelError."""
        for label in NASTY_LABELS:
            wire = self._wire(2)
            try:
                text = self._text("detection", [label, "cat"], wire)
            except LabelError:
                continue
            self._require_same(self.format.parse(text), [label, "cat"], wire, f"label {label!r}")
            text.encode()  # a text that no file can store

    def test_truncated_answers_invent_nothing(self) -> None:
        """Cut anywhere, an answer holds only objects of the whole, in their order.

        Where labels stand behind, one may be missing, and the last may be cut.
        """
        for task in self._tasks():
            labels = ["cat", "traffic light", "a, b [1]", "羊"]
            labels = [label for label in labels if self._writes(label)]
            text = self._text(task, labels, self._wire(len(labels)))
            whole = self.format.parse(text).objects
            for end in range(len(text)):
                kept = self.format.parse(text[:end]).objects
                _require(
                    len(kept) <= len(whole) and _all_of(kept, whole),
                    f"{task}: cut at character {end}, {text[:end]!r} is read as {kept}",
                )

    def test_runaway_text_takes_linear_time(self) -> None:
        """Of pieces that models repeat: four times the text takes about four times as long."""
        text = self._text("detection", ["cat"], self._wire(1))
        start = text[: len(text) // 2]
        for piece in (*_RUNAWAY, text, start):
            require_linear_time(self.format.parse, start, piece, longest=160_000)

    def test_any_text_is_read_without_an_exception(self) -> None:
        """Random pieces of JSON, tags and prose, always the same ones."""
        for text in _junk(300):
            answer = self.format.parse(text)
            _require(isinstance(answer, ParsedAnswer), f"parse gives {type(answer).__name__}")
        _require(
            self.format.parse("").issues != (), "an empty text is not an answer: give an issue"
        )

    def _tolerance(self) -> float:
        steps: float = getattr(self.format, "tolerance_steps", 0.5)
        return steps

    def _steps(self, image_size: tuple[int, int]) -> FloatArray:
        """How far apart neighbours are that decoding gives, for each number of a decoded box.

        They are found by a tiny box that crosses the image.
        """
        at = np.linspace(0, 1 - _TINY, _NUM_PLACES)
        sizes = np.tile(np.array(image_size, dtype=np.float64), (_NUM_PLACES, 1))
        xyxy = np.stack([at, at, at + _TINY, at + _TINY], axis=1) * np.tile(sizes, 2)
        decoded = self.format.decode(self.format.encode(xyxy, sizes), image_size)
        return np.array([np.diff(np.unique(column)).max(initial=0) for column in decoded.T])

    def _tasks(self) -> list[Task]:
        return [task for task in TASKS if task in self.format.prompts]

    def _wire(self, count: int) -> list[list[float]]:
        xyxy, sizes = _random_boxes(count, (640, 480))
        rows: list[list[float]] = np.asarray(self.format.encode(xyxy, sizes)).tolist()
        return rows

    def _text(self, task: Task, labels: Sequence[str], wire: Sequence[Sequence[float]]) -> str:
        expression = "the thing on the left" if task == "grounding" else None
        return trained_text(
            self.format.render(task, expression=expression, categories=labels, wire=wire)
        )

    def _writes(self, label: str) -> bool:
        try:
            self._text("detection", [label], self._wire(1))
        except LabelError:
            return False
        return True

    def _require_same(
        self,
        answer: ParsedAnswer,
        labels: Sequence[str],
        wire: Sequence[Sequence[float]],
        what: str,
    ) -> None:
        """In any order: some families write the boxes of a label together."""
        found = [item.wire for item in answer.objects]
        expected = [tuple(row) for row in wire]
        _require(sorted(found) == sorted(expected), f"{what}: boxes come back as {found}")
        read = [item.category for item in answer.objects]
        pairs = Counter(zip(labels, expected, strict=True))
        _require(
            not any(label is not None for label in read) or pairs == Counter(answer.objects),
            f"{what}: labels come back as {read}",
        )


def checks(name: str) -> Iterator[Check]:
    """Runs every check on a format, in order of definition."""
    suite = type("Named", (Conformance,), {"name": name})()
    for attribute in vars(Conformance):
        if attribute.startswith("test_"):
            title = attribute.removeprefix("test_").replace("_", " ")
            yield Check(title, _problem(getattr(suite, attribute)))


def require_linear_time(
    parse: Callable[[str], object], start: str, piece: str, *, longest: int
) -> None:
    """Raises AssertionError if a text that repeats a piece takes more than linear time.

    Times are compared, so that a slow machine passes too; 0.4 s and less always pass, as noise.

    Args:
        parse: what is timed.
        start: the text before the first piece.
        piece: what is repeated.
        longest: characters of the longest text.
    """

    def text(characters: int) -> str:
        return start + piece * (characters // len(piece))

    characters = _SHORTEST
    while (characters := characters * _GROWTH) <= longest:
        took = before = math.inf
        for _ in range(_TRIES):
            took = min(took, _seconds(parse, text(characters)))
            if took <= 2 * _GROWTH * _NOISE_S:
                break
            # Between the tries: the machine may have become quicker.
            shorter = text(characters // _GROWTH)
            before = min(before, *(_seconds(parse, shorter) for _ in range(_TRIES)))
            if took <= 2 * _GROWTH * before:
                break
        else:
            raise AssertionError(f"{characters:,} characters of {piece!r} take {took:.1f} s")


def _seconds(parse: Callable[[str], object], text: str) -> float:
    start = thread_time()
    parse(text)
    return thread_time() - start


def _problem(check: Callable[[], None]) -> str | None:
    try:
        check()
    except AssertionError as error:
        return str(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a format may raise anything; that is its result
        return f"raises {type(error).__name__}: {error}"
    return None


def _require(holds: bool, problem: str) -> None:  # noqa: FBT001 - reads as a statement
    if not holds:
        raise AssertionError(problem)


def _all_of(kept: Sequence[ParsedObject], whole: Sequence[ParsedObject]) -> bool:
    """Whether objects are the first of others, less labels, and less the end of the last label."""
    for at, (found, other) in enumerate(zip(kept, whole, strict=False), start=1):
        label, expected = found.category or "", other.category or ""
        same = label in {"", expected} or (at == len(kept) and expected.startswith(label))
        if found.wire != other.wire or not same:
            return False
    return True


def _random_boxes(count: int, image_size: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """`(count, 4)` xyxy inside one image and its `(count, 2)` size; always the same."""
    rng = np.random.default_rng(count)
    sizes = np.tile(np.array(image_size, dtype=np.float64), (count, 1))
    corners: FloatArray = np.sort(rng.random((count, 2, 2)), axis=1).reshape(count, 4)
    return np.multiply(corners, np.tile(sizes, 2)), sizes


def _mixed_boxes(count: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(count)
    sizes = rng.integers(50, 5000, (count, 2)).astype(np.float64)
    corners: FloatArray = np.sort(rng.random((count, 2, 2)), axis=1).reshape(count, 4)
    return np.multiply(corners, np.tile(sizes, 2)), sizes


def _junk(count: int) -> Iterator[str]:
    pieces = (
        *("[", "]", "{", "}", "(", ")", "<", ">", ",", ":", '"', "'", "\\", "\n", "```", "```json"),
        *("1", "-2.5", "9" * 400, "NaN", "null", "cat", "羊", "\ud800", "\x00", "\ufeff"),
        *('"bbox_2d": ', '"label": "cat"', "[1, 2, 3, 4]", "(1,2),(3,4)"),
        *("<think>", "</think>", "<answer>", "</answer>", "<|im_end|>", "</s>"),
        *("<|begin_of_box|>", "<|end_of_box|>", "<|object_ref_start|>", "<|object_ref_end|>"),
        *("<|box_start|>", "<|box_end|>", "<bbox>", "<ref-object>", "<loc0001>", "<0>", "<box>"),
        *("<loc_1>", "<|LOC_1|>", "<patch_index_0001>", "<object>", "</object>", "<phrase>"),
        *("<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>", '<point x="1.0" y="2.0" alt="', "</point>"),
    )
    rng = random.Random(0)  # noqa: S311 - the same texts every time
    for _ in range(count):
        yield "".join(rng.choices(pieces, k=rng.randint(1, 40)))
