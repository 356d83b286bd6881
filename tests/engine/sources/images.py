"""Images of a source's rows as the reader gives them, with all batches put together."""

from collections.abc import Iterable

from groundray.engine.sources import Decoded, RowImage, Source, SourceFile, iter_images, open_file


def row_images(
    source: Source,
    file: SourceFile,
    start: int = 0,
    stop: int | None = None,
    *,
    batch_bytes: int = 1 << 20,
) -> list[RowImage]:
    """The images of the rows [start, stop), or of all."""
    batches = iter_images(source, file, start, stop, batch_bytes=batch_bytes)
    return [image for batch in batches for image in batch]


def record_images(images: list[RowImage], batches: Iterable[Decoded]) -> list[RowImage]:
    """The image of every sound record, from those of all rows of its file."""
    return [images[row] for batch in batches for row in batch.records.row.tolist()]


def data_of(images: Iterable[RowImage]) -> list[bytes]:
    """Images that the rows themselves hold, all of them."""
    data = []
    for image in images:
        assert image.data is not None
        assert (image.place, image.fault) == (None, None)
        data.append(bytes(image.data))
    return data


def content_of(image: RowImage) -> bytes:
    """The bytes that a row holds, or those of the file that it names; never both."""
    if image.data is not None:
        return data_of([image])[0]
    assert image.place is not None
    assert image.fault is None
    with open_file(image.place) as handle:
        return bytes(handle.read())
