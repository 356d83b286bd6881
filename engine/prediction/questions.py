"""Questions: the records of a unit as prompts, in batches that are planned by what they cost."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from groundray.engine.conversion.examples import ExampleStyle, user_text
from groundray.engine.conversion.pictures import read_image_file
from groundray.engine.converted import iter_places
from groundray.engine.images import decode_image, prepare_image
from groundray.engine.plan import Unit
from groundray.engine.records import IntArray, Records
from groundray.engine.selection import Selection
from groundray.engine.sources import Source, iter_decoded
from groundray.formats.errors import ImageError, SourceError
from groundray.models.base import ImageInput, Pixels


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked about the N records of a unit.

    Attributes:
        ids: N ids of the records.
        texts: N texts of the user.
        places: N paths or URLs of the images.
        batches: indices of the records in each batch; every record is in exactly one.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    places: tuple[str, ...]
    batches: tuple[tuple[int, ...], ...]


def iter_truth(
    source: Source, selection: Selection, unit: Unit
) -> Iterator[tuple[Records, list[str]]]:
    """The chosen records of a unit, some at a time, and where their images are.

    Args:
        source: truth files.
        selection: which of their records are chosen.
        unit: which rows.

    Raises:
        SourceError: they cannot be read, or are not as `convert` writes them.
    """
    for part in unit.parts:
        file = part.file
        places = list(iter_places(source, file, part.start, part.stop))
        for decoded in iter_decoded(source, file, part.start, part.stop):
            if decoded.faults:
                fault = decoded.faults[0]
                row = int(decoded.keys.row[fault.index])
                raise SourceError(f"{file.relative}, row {row}: {fault.reason}: {fault.detail}")
            records = decoded.records.take(selection.outcome(unit.pool, decoded.keys) >= 0)
            yield records, [places[row - part.start] for row in records.row.tolist()]


def make_questions(
    truth: Iterable[tuple[Records, list[str]]], *, style: ExampleStyle, batch_size: int
) -> Questions:
    """What is asked about records.

    Args:
        truth: as `iter_truth` gives it.
        style: how prompts are written.
        batch_size: records of a batch, at most.
    """
    ids: list[str] = []
    texts: list[str] = []
    places: list[str] = []
    costs: list[IntArray] = []
    for records, found in truth:
        ids.extend(records.id)
        texts.extend(_texts(records, style))
        places.extend(found)
        costs.append(np.stack([np.diff(records.offsets), records.width * records.height]))
    order = _by_cost(np.concatenate(costs, axis=1)) if costs else []
    batches = (tuple(order[i : i + batch_size]) for i in range(0, len(order), batch_size))
    return Questions(tuple(ids), tuple(texts), tuple(places), tuple(batches))


def _texts(records: Records, style: ExampleStyle) -> list[str]:
    offsets, names = records.offsets.tolist(), records.names
    categories = [names[code] for code in records.category.tolist()]
    return [
        user_text(style, query, categories[offsets[i] : offsets[i + 1]])
        for i, query in enumerate(records.query)
    ]


def _by_cost(costs: IntArray) -> list[int]:
    """Records from the dearest to the cheapest, so that those of a batch end at about one time.

    A batch takes as long as its longest answer, which follows the number of objects; then its
    largest image counts. The dearest go first: what does not fit into memory shows at once.

    Args:
        costs: `(2, N)` number of objects, and pixels.
    """
    num_boxes, pixels = costs
    order: list[int] = np.lexsort((-pixels, -num_boxes)).tolist()
    return order


def read_images(
    places: Sequence[str], image_input: ImageInput
) -> "list[Pixels | bytes | ImageError | None]":
    """The images of a batch as a backend wants them; an ImageError stands in for a bad one.

    Pixels are those of the stored frame, at full size: the model's own processor resizes, once.
    """
    return [_read_image(place, image_input) for place in places]


def _read_image(place: str, image_input: ImageInput) -> "Pixels | bytes | ImageError | None":
    if image_input == "none":
        return None
    try:
        data = read_image_file(place)
        if image_input == "jpeg":
            return bytes(prepare_image(data, verify="decode").data)
        return np.asarray(decode_image(data).convert("RGB"))
    except ImageError as error:
        return error
