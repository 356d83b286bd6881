"""Pictures of examples: what a model is trained to say, drawn on the image that it is said of.

The boxes come from the example's text alone, as the trainer completes it, through the format's own
parse and decode. Where they sit right, everything before them was right: the coordinate space, the
image size, the order of labels, the frame of a turned image.
"""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson

from groundray.engine.images import decode_image
from groundray.formats import BoxFormat, Rendered, format_names, get_format
from groundray.formats.errors import FormatError, ImageError, OutputError, SourceError
from groundray.formats.trainer import trained_text

if TYPE_CHECKING:
    from PIL.Image import Image

    from groundray.engine.canvas import Panel


@dataclass(frozen=True, slots=True)
class Drawing:
    """A sheet of drawn examples.

    Attributes:
        image: the sheet.
        ids: of the examples, in the order drawn.
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
    """Draws examples of a converted data set.

    Args:
        examples: path or fsspec URL of a jsonl shard, or of a folder of them: `OUTPUT/FORMAT` or
            `OUTPUT/FORMAT/SPLIT`.
        first: which example to start from: its position, or its id.
        number: how many to draw, at least one; fewer where the examples end before.
        format_name: None takes the name of the folder that the shards are in.
        fonts: font files for characters that the package's own font lacks.

    Raises:
        SourceError: there are no such examples, or one is not as a converter writes it.
        FormatError: the format is unknown, or no folder tells it.
        ImageError: an image cannot be read.
    """
    from groundray.engine.canvas import draw_panels

    shards = _find_shards(examples)
    name = format_name or _name_from_folder(shards[0])
    box_format = get_format(name)
    chosen = list(islice(_iter_from(first, shards), number))
    if not chosen:
        raise SourceError(f"no example {first!r} in {examples!r}")
    panels = [_panel(example, box_format) for example in chosen]
    return Drawing(
        draw_panels(panels, fonts=fonts),
        tuple(example.id for example in chosen),
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


class _Example(NamedTuple):
    """What is drawn of one line; `place` says where it stands, for messages."""

    place: str
    id: str
    image: str
    prompt: str
    answer: str


def _find_shards(examples: str) -> list[str]:
    """URLs of the jsonl files, sorted."""
    import fsspec

    fs, root = fsspec.core.url_to_fs(examples)
    if fs.isfile(root):
        return [examples]
    if fs.exists(f"{root}/manifest.json"):
        folders = [posixpath.basename(path.rstrip("/")) for path in fs.ls(root, detail=False)]
        known = ", ".join(sorted(f"{examples}/{n}" for n in folders if n in format_names()))
        raise SourceError(f"{examples!r} holds every format of a run; draw one of them: {known}")
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


def _iter_from(first: int | str, shards: Sequence[str]) -> Iterator[_Example]:
    position = -1
    started = False
    for shard in shards:
        for place, line in _iter_lines(shard):
            position += 1
            started = started or position == first
            if started or isinstance(first, str):
                example = _read_example(line, shard, place)
                started = started or example.id == first
                if started:
                    yield example


def _iter_lines(shard: str) -> Iterator[tuple[str, bytes]]:
    import fsspec

    with fsspec.open(shard, "rb") as lines:
        for number, line in enumerate(lines, start=1):
            yield f"{shard}, line {number}", line


def _read_example(line: bytes, shard: str, place: str) -> _Example:
    try:
        fields: dict[str, Any] = orjson.loads(line)
        turns = {message["role"]: message["content"] for message in fields["messages"]}
        return _Example(
            place,
            str(fields.get("id", place)),
            _image_url(fields["images"][0], shard),
            turns["user"].replace("<image>", ""),
            trained_text(Rendered(turns["assistant"], fields.get("objects"))),
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(f"{place}: not an example of one image: {error!r}") from error


def _image_url(image: str, shard: str) -> str:
    if "://" in image or image.startswith("/"):
        return image
    protocol, _, path = shard.rpartition("://")
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), image))
    return f"{protocol}://{joined}" if protocol else joined


def _panel(example: _Example, box_format: BoxFormat) -> "Panel":
    from groundray.engine.canvas import Mark, Panel, colour_of

    image = _read_image(example.image)
    answer = box_format.parse(example.answer)
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
    facts = [example.id, f"{width} x {height}", f"{len(marks)} boxes", *answer.issues]
    return Panel(image, marks, "  ·  ".join(facts), example.prompt)


def _read_image(url: str) -> "Image":
    import fsspec

    try:
        with fsspec.open(url, "rb") as file:
            return decode_image(file.read())
    except OSError as error:
        raise ImageError("missing_image", f"{url}: {error.strerror or error}") from error
