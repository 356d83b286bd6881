"""What the values of a JSON answer mean: which of them are boxes, and of what.

Models follow the keys of their prompt, so every usual key is understood, and boxes are found in
whatever stands around them: `[[1, 2, 3, 4]]`, `{"cat": [[1, 2, 3, 4]]}`, `{"res": [{"text": "cat",
"pos": [1, 2, 3, 4]}]}`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import dropwhile, zip_longest

from groundray.formats.base import ParsedObject
from groundray.formats.grammars.loose_json import Array, Group, Object, Text, Value
from groundray.formats.grammars.wire_numbers import Number, Numbers, number_in, numbers_in
from groundray.formats.nothing import says_nothing

BOX_KEYS = frozenset(
    """bbox_2d bbox box_2d box bboxes boxes bboxes_2d boxes_2d bounding_box bounding_boxes
    boundingbox boundingboxes bounding_box_2d bndbox rect pos position coordinates coordinate coords
    location locations region point_2d points_2d point points bbox_3d""".split()  # noqa: SIM905
)
"""Keys whose value is a box, or several; points and solids too, which are then bad boxes."""

LABEL_KEYS = tuple(
    """label labels category category_name categories class class_name classes name names name_en
    label_en object object_name text text_content ref phrase expression description desc title
    name_zh label_zh type""".split()  # noqa: SIM905
)
"""Keys whose value is a label; the first of them that is there counts."""

WRAPPER_KEYS = frozenset(
    """res result results object objects detection detections annotation annotations prediction
    predictions answer answers output outputs data item items instance instances target targets
    response found image images""".split()  # noqa: SIM905
)
"""Keys around a list of objects; any other key with boxes in it is their label."""

_CORNERS = (
    ("x1", "y1", "x2", "y2"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("left", "top", "right", "bottom"),
)
_LANGUAGES = ("en", "english")


@dataclass(slots=True)
class Meaning:
    """What an answer, or a group of it, says.

    Attributes:
        objects: in the order of the text.
        spans: of their numbers.
        bad: a box is missing or malformed.
        nothing: it says that something is not there.
        cut: the text ends inside it.
        stray: there are numbers in brackets that are no box, where a box need not be.
    """

    objects: list[ParsedObject] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    bad: bool = False
    nothing: bool = False
    cut: bool = False
    stray: bool = False


def meaning_of(groups: Sequence[Group], *, count: int) -> Meaning:
    """What the groups of one answer say together.

    Code fences mark an answer: what is outside them counts only if they hold no object. Bare
    numbers in prose count only where nothing better is said. Where a later list states the labels
    of an earlier one again, the later one counts, and a complete list before one that is cut off.

    Args:
        groups: from `scan`.
        count: how many numbers a box has.
    """
    read = [(group, _read(group, count)) for group in groups]
    ranks = [_rank(group) for group, meaning in read if meaning.objects] or [
        _rank(group) for group, meaning in read if meaning.bad or meaning.nothing
    ]
    best = max(ranks, default=0)
    said = [(group, meaning) for group, meaning in read if _rank(group) == best]
    kept = [meaning for _, meaning in said] if best == 0 else _latest(said)
    return Meaning(
        objects=[found for meaning in kept for found in meaning.objects],
        spans=[span for meaning in kept for span in meaning.spans],
        bad=best > 0 and any(meaning.bad for meaning in kept),
        nothing=any(meaning.nothing for meaning in kept),
        cut=bool(groups) and groups[-1].cut,
        stray=any(meaning.bad or meaning.stray for _, meaning in read),
    )


def _rank(group: Group) -> int:
    """2 for an answer in a code fence, 1 for lists and objects, 0 for bare numbers in prose."""
    if group.fenced:
        return 2
    return int(any(isinstance(value, Array | Object) for value in group.values))


def _latest(said: Sequence[tuple[Group, Meaning]]) -> list[Meaning]:
    """Meanings that no later list restates, in the order of the text."""
    taken: set[str | None] = set()
    kept: list[int] = []
    for at in sorted(range(len(said)), key=lambda at: (said[at][0].cut, -at)):
        group, meaning = said[at]
        labels = {found.category for found in meaning.objects}
        if taken and (not labels or None in taken | labels or taken & labels):
            continue
        kept.append(at)
        if any(isinstance(value, Array) for value in group.values):
            taken |= labels
    return [said[at][1] for at in sorted(kept)]


def _read(group: Group, count: int) -> Meaning:
    reader = _Reader(count)
    for value in group.values:
        reader.read(value, None)
    return reader.meaning


class _Reader:
    """Collects the objects of values; recursion is bounded by the scanner's depth."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.meaning = Meaning()

    def read(self, value: Value, label: str | None) -> None:
        """Objects in any value; `label` is that of what stands around it."""
        if isinstance(value, Numbers):
            self._box(value, label)
        elif isinstance(value, Array):
            self._array(value, label)
        elif isinstance(value, Object):
            self.meaning.nothing |= not (value or value.cut)
            for members in _split_repeats(value):
                label = self._members(members, label, cut=value.cut)
        elif value is None or (isinstance(value, str) and says_nothing(value)):
            self.meaning.nothing = True

    def _box(self, numbers: Numbers, label: str | None) -> None:
        values, start, stop = numbers
        if len(values) == self.count and all(map(math.isfinite, values)):
            self.meaning.objects.append(ParsedObject(label or None, values))
            self.meaning.spans.append((start, stop))
        else:
            self.meaning.bad = True

    def _array(self, array: Array, label: str | None) -> None:
        if not array:
            self.meaning.nothing |= not array.cut
        elif (numbers := _numbers_of(array)) is not None:
            if not array.cut:
                self._box(numbers, label)
        elif any(isinstance(value, str) for value in array):
            self._labelled_array(array, label)
        else:
            for value in array:
                self.read(value, label)

    def _labelled_array(self, array: Array, around: str | None) -> None:
        """`["cat", [1, 2, 3, 4], "dog", 5, 6, 7, 8]`, or each label after its box."""
        values = _gather_numbers(array)
        if not isinstance(values[0], str):
            values.reverse()
            if array.cut:
                values = list(dropwhile(lambda value: not isinstance(value, str), values))
        label = around
        labelled: list[tuple[Value, str | None]] = []
        for value in values:
            if isinstance(value, str):
                label = str(value)
                self.meaning.nothing |= says_nothing(value)
            else:
                labelled.append((value, label))
        if not isinstance(array[0], str):
            labelled.reverse()
        for value, label in labelled:
            self.read(value, label)

    def _members(self, members: dict[str, Value], around: str | None, *, cut: bool) -> str | None:
        """Objects of members with distinct keys; returns their label."""
        normal = {key: _normal(key) for key in members}
        by_key = {normal[key]: value for key, value in members.items()}
        labels = _labels_of(by_key)
        label = labels[0] if labels else around
        boxes = [value for key, value in by_key.items() if key in BOX_KEYS]
        if (corners := _corners(by_key)) is not None:
            boxes.append(corners)
        if boxes and not (cut and "label" not in by_key):  # else a better label may have been lost
            for value in boxes:
                self._box_value(value, labels if len(labels) > 1 else [label])
        described = bool(boxes or labels)
        for key, value in members.items():
            if normal[key] not in BOX_KEYS and not (normal[key] in LABEL_KEYS and _texts_of(value)):
                self._member(key, value, label, described=described)
        if labels and not (boxes or cut or any(map(_is_container, members.values()))):
            self.meaning.bad = True
        return label

    def _member(self, key: str, value: Value, label: str | None, *, described: bool) -> None:
        """Objects under a key that is neither that of a box nor that of a label."""
        if not key or _normal(key) in WRAPPER_KEYS:
            self.read(value, label)
        elif not described:
            self._under_label(value, key)
        elif _holds_objects(value):
            self.read(value, label)

    def _under_label(self, value: Value, label: str) -> None:
        """What stands under a key that may be a label; two or three numbers are rather a size."""
        if isinstance(value, Numbers) and len(value.values) != self.count:
            self.meaning.stray = True
        else:
            self.read(value, label)

    def _box_value(self, value: Value, labels: Sequence[str | None]) -> None:
        """Boxes under a box key, with one label for all or one for each."""
        if len(labels) > 1 and isinstance(value, Array):
            for item, label in zip_longest(value, labels[: len(value)]):
                self._box_value(item, [label])
        elif isinstance(value, Array) and (numbers := _corner_pair(value)) is not None:
            self._box(numbers, labels[0])
        elif isinstance(value, str):
            self._box_text(value, labels[0])
        elif isinstance(value, Number | bool):
            self.meaning.bad = True
        else:
            self.read(value, labels[0])

    def _box_text(self, text: str, label: str | None) -> None:
        """A box in quotes, or words for none."""
        numbers = numbers_in(text, text.start) if isinstance(text, Text) else None
        if numbers is not None:
            self._box(numbers, label)
        elif not text.strip() or says_nothing(text):
            self.meaning.nothing = True
        else:
            self.meaning.bad = True


def _normal(key: str) -> str:
    return key.strip().casefold().replace(" ", "_").replace("-", "_")


def _split_repeats(thing: Object) -> list[dict[str, Value]]:
    """Members in runs of distinct keys: a key that comes again begins another object.

    The braces between two are forgotten now and then: `{"bbox": A, "label": "a", "bbox": B, ...`
    """
    runs: list[dict[str, Value]] = [{}]
    for key, value in thing:
        if key in runs[-1]:
            runs.append({})
        runs[-1][key] = value
    return runs


def _labels_of(by_key: dict[str, Value]) -> list[str]:
    """Labels under the best label key; empty without one."""
    for key in LABEL_KEYS:
        if key in by_key and (labels := _texts_of(by_key[key])):
            return labels
    return []


def _texts_of(value: Value) -> list[str]:
    """A label's text, or several; empty for a value that is no whole label, such as a box."""
    if isinstance(value, str):
        return [str(value)]
    if isinstance(value, Number):
        return [str(value.value)]
    if isinstance(value, Object) and not value.cut:
        texts = {_normal(key): text for key, text in value if isinstance(text, str)}
        preferred = [texts[language] for language in _LANGUAGES if language in texts]
        return [*map(str, preferred or texts.values())][:1]
    if isinstance(value, Array) and not value.cut:
        texts_of_items = [str(item) for item in value if isinstance(item, str)]
        return texts_of_items if len(texts_of_items) == len(value) else []
    return []


def _corners(by_key: dict[str, Value]) -> Numbers | None:
    """A box with a key for each number."""
    for names in _CORNERS:
        if by_key.keys() >= set(names):
            return _numbers_of([by_key[name] for name in names])
    return None


def _corner_pair(array: Array) -> Numbers | None:
    """`[[1, 2], [3, 4]]` under a box key is one box."""
    pairs = [value for value in array if isinstance(value, Numbers) and len(value.values) == 2]
    if not len(pairs) == len(array) == 2:
        return None
    low, high = pairs
    return Numbers((*low.values, *high.values), low.start, high.stop)


def _numbers_of(values: Sequence[Value]) -> Numbers | None:
    """Values as numbers, if all are: numbers, or strings that hold one."""
    numbers: list[Number] = []
    for value in values:
        number = number_in(value, value.start) if isinstance(value, Text) else value
        if not isinstance(number, Number):
            return None
        numbers.append(number)
    return _joined(numbers)


def _gather_numbers(values: Sequence[Value]) -> list[Value]:
    """Values, with each run of numbers as one tuple."""
    gathered: list[Value] = []
    numbers: list[Number] = []
    for value in (*values, None):
        if isinstance(value, Number):
            numbers.append(value)
            continue
        if numbers:
            gathered.append(_joined(numbers))
            numbers.clear()
        gathered.append(value)
    return gathered[:-1]


def _joined(numbers: Sequence[Number]) -> Numbers:
    values = tuple(number.value for number in numbers)
    start = min(number.start for number in numbers)
    return Numbers(values, start, max(number.stop for number in numbers))


def _is_container(value: Value) -> bool:
    return isinstance(value, Numbers | Array | Object)


def _holds_objects(value: Value) -> bool:
    """Whether a value is an object, or a list of some."""
    return isinstance(value, Object) or (
        isinstance(value, Array) and any(isinstance(each, Object) for each in value)
    )
