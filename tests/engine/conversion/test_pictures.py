from collections.abc import Iterator

import numpy as np
import pytest

from groundray.engine.arrays import from_texts
from groundray.engine.conversion.pictures import ImageCursor
from groundray.engine.sources import RowImages
from groundray.formats.errors import DamagedError, ImageError


def images(*numbers: int | None) -> RowImages:
    """A byte of each number, nothing for None."""
    return RowImages([None if n is None else memoryview(bytes([n])) for n in numbers], None, {})


def batches() -> Iterator[RowImages]:
    yield images(10, 11, 12)
    yield images(13, None)
    raise DamagedError("the rest is gone")


def number_at(cursor: ImageCursor, row: int) -> int:
    data = cursor.at(row).data
    assert data is not None
    return data[0]


def test_rows_get_their_own_images_in_order() -> None:
    cursor = ImageCursor(batches(), 10)
    assert [number_at(cursor, row) for row in (10, 10, 12, 13)] == [10, 10, 12, 13]


def test_rows_may_be_passed_over() -> None:
    assert number_at(ImageCursor(batches(), 10), 13) == 13


def test_a_missing_image_is_named() -> None:
    with pytest.raises(ImageError, match="null_image: there are neither bytes nor a path"):
        ImageCursor(batches(), 10).at(14)


def test_every_row_behind_damage_is_lost_and_none_before_it() -> None:
    cursor = ImageCursor(batches(), 10)
    assert number_at(cursor, 13) == 13
    for row in (15, 16, 17, 20, 100):
        with pytest.raises(ImageError, match="damaged_file: the rest is gone"):
            cursor.at(row)


def test_places_are_given_across_batches_and_end_with_the_damage() -> None:
    def named() -> Iterator[RowImages]:
        yield RowImages(None, from_texts(["a", "b"]), {})
        yield images(2)
        yield RowImages([None, None], from_texts([None, "e"]), {0: "image_path_outside"})
        raise DamagedError("the rest is gone")

    cursor = ImageCursor(named(), 10)
    rows = np.array([11, 11, 12, 13, 14, 15, 16])
    places = [place for some in cursor.places(rows) for place in some.to_pylist()]
    assert places == ["b", "b", None, None, "e", None, None]
    with pytest.raises(ImageError, match="damaged_file"):
        cursor.at(15)
