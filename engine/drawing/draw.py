"""Pictures of examples and predictions: what a model is trained to say, and what it said.

The boxes of an example come from its text alone, as the trainer completes it, through the format's
own parse and decode. Where they sit right, everything before them was right: the coordinate space,
the image size, the order of labels, the frame of a turned image.
"""

import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson

from groundray.engine.images import decode_image
from groundray.formats import BoxFormat, Rendered, format_names, get_format
from groundray.formats.errors import FormatError, ImageError, OutputError, SourceError
from groundray.formats.trainer import trained_text
from groundray.models.urls import describe, public_name

if TYPE_CHECKING:
    from PIL.Image import Image

    from groundray.engine.drawing.canvas import Panel

    _MakePanel = Callable[[dict[str, Any], Callable[[], Image]], Panel]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A sheet of drawn examples or predictions.

    Attributes:
        image: the sheet.
        ids: in the order drawn.
        num_boxes: drawn in all.
        format_name: whose parse and decode gave the boxes.
    """

    image: "Image"
    ids: tuple[str, ...]
    num_boxes: int
    format_name: str


def draw_examples(
    examples: str,
    *,
    first: int | str = 0,
    number: int = 6,
    format_name: str | None = None,
    fonts: Sequence[str] = (),
) -> Drawing:
    """Draws examples of a converted data set, or predictions beside their targets.

    Args:
        examples: path or fsspec URL of a jsonl shard, or of a folder of them: `OUTPUT/FORMAT` or
            `OUTPUT/FORMAT/SPLIT`, or what `predict` wrote, `OUTPUT/CHECKPOINT`.
        first: which example to start from: its position, or its id.
        number: how many to draw, at least one; fewer where the examples end before.
        format_name: None takes the name of the folder that the shards are in.
        fonts: font files for characters that the package's own font lacks.

    Raises:
        SourceError: there are no such examples, or one is not as a converter writes it.
        FormatError: the format is unknown, or no folder tells it.
        ImageError: an image cannot be read.
    """
    from groundray.engine.drawing.canvas import draw_panels
    from groundray.engine.drawing.panels import prediction_panel

    shards = _find_shards(examples)
    chosen = list(islice(_iter_from(first, shards), number))
    if not chosen:
        raise SourceError(f"no example {first!r} in {examples!r}")
    kinds = {"predictions" in line.fields for line in chosen}
    if kinds == {True}:
        name = str(chosen[0].fields.get("format"))
        panels = [_panel_of(line, prediction_panel) for line in chosen]
    else:
        name = format_name or _name_from_folder(shards[0])
        panels = [_panel_of(line, partial(_example_panel, get_format(name))) for line in chosen]
    return Drawing(
        draw_panels(panels, fonts=fonts),
        tuple(line.id for line in chosen),
        sum(len(panel.marks) for panel in panels),
        name,
    )


def save_drawing(drawing: Drawing, output: str, *, overwrite: bool) -> None:
    """Writes the sheet as PNG, to a path or an fsspec URL.

    Raises:
        OutputError: there is a file already and `overwrite` is False, or it cannot be written.
    """
    import fsspec

    try:
        fs, path = fsspec.core.url_to_fs(output)
        if fs.exists(path) and not overwrite:
            raise OutputError(f"{output!r} exists; give another name or --overwrite")
        fs.makedirs(posixpath.dirname(path), exist_ok=True)
        with fs.open(path, "wb") as file:
            drawing.image.save(file, "PNG")
    except OSError as error:
        raise OutputError(f"cannot write {output!r}: {error.strerror or error}") from error


class _Line(NamedTuple):
    """A line of a shard; `place` says where it stands, for messages."""

    place: str
    shard: str
    id: str
    fields: dict[str, Any]


def _find_shards(examples: str) -> list[str]:
    """URLs of the jsonl files, sorted."""
    import fsspec

    fs, root = fsspec.core.url_to_fs(examples)
    if fs.isfile(root):
        return [examples]
    if any(sign in root for sign in "*?["):
        raise SourceError(f"{examples!r} is a pattern; name one folder or file")
    known = [name for name in format_names() if fs.isdir(f"{root}/{name}")]
    if known and fs.exists(f"{root}/manifest.json"):
        named = ", ".join(f"{examples}/{name}" for name in known)
        raise SourceError(f"{examples!r} holds every format of a run; draw one of them: {named}")
    found = sorted([*fs.glob(f"{root}/*.jsonl"), *fs.glob(f"{root}/*/*.jsonl")])
    if not found:
        raise SourceError(f"no examples at {examples!r}: neither a jsonl file nor a folder of them")
    return [fs.unstrip_protocol(path) for path in found]


def _name_from_folder(shard: str) -> str:
    names = format_names()
    for folder in reversed(posixpath.dirname(shard).split("/")):
        if folder in names:
            return folder
    raise FormatError(f"no folder of {shard!r} tells the format: give it with --format NAME")


def _iter_from(first: int | str, shards: Sequence[str]) -> Iterator[_Line]:
    position = -1
    started = False
    for shard in shards:
        for place, line in _iter_lines(shard):
            position += 1
            started = started or position == first
            if started or isinstance(first, str):
                read = _read_line(line, shard, place)
                started = started or read.id == first
                if started:
                    yield read


def _iter_lines(shard: str) -> Iterator[tuple[str, bytes]]:
    import fsspec

    with fsspec.open(shard, "rb") as lines:
        for number, line in enumerate(lines, start=1):
            yield f"{shard}, line {number}", line


def _read_line(line: bytes, shard: str, place: str) -> _Line:
    try:
        fields: dict[str, Any] = orjson.loads(line)
        return _Line(place, shard, str(fields.get("id", place)), fields)
    except (ValueError, AttributeError) as error:
        raise SourceError(f"{place}: neither an example nor a prediction: {error!r}") from error


def _image_url(image: str, shard: str) -> str:
    if "://" in image or image.startswith("/"):
        return image
    protocol, _, path = shard.rpartition("://")
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), image))
    return f"{protocol}://{joined}" if protocol else joined


def _panel_of(line: _Line, make: "_MakePanel") -> "Panel":
    """The panel of a line; `make` gets its fields, and what reads its image."""
    try:
        fields = line.fields
        name = fields["image"] if "image" in fields else fields["images"][0]
        return make(fields, partial(_read_image, _image_url(name, line.shard)))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(
            f"{line.place}: neither an example of one image nor a prediction: {error!r}"
        ) from error


def _example_panel(
    box_format: BoxFormat, fields: dict[str, Any], read_image: "Callable[[], Image]"
) -> "Panel":
    from groundray.engine.drawing.canvas import Mark, Panel, colour_of

    turns = {message["role"]: message["content"] for message in fields["messages"]}
    text = trained_text(Rendered(turns["assistant"], fields.get("objects")))
    answer = box_format.parse(text)
    image = read_image()
    labels = [found.category or "" for found in answer.objects]
    xyxy = np.empty((0, 4))
    if labels:
        wire = np.array([found.wire for found in answer.objects])
        xyxy = box_format.decode(wire, image.size)
    marks = [
        Mark(box, label, colour_of(label))
        for box, label in zip(xyxy.tolist(), labels, strict=True)
        if np.isfinite(box).all()
    ]
    width, height = image.size
    facts = [
        str(fields.get("id", "")),
        f"{width} x {height}",
        f"{len(marks)} boxes",
        *answer.issues,
    ]
    return Panel(image, marks, "  ·  ".join(facts), turns["user"].replace("<image>", ""))


def _read_image(url: str) -> "Image":
    import fsspec

    try:
        with fsspec.open(url, "rb") as file:
            return decode_image(file.read())
    except OSError as error:
        name = public_name(url)
        raise ImageError("missing_image", f"{name}: {error.strerror or describe(error)}") from error
