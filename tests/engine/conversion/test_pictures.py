from collections.abc import Iterator

import pytest

from groundray.engine.conversion.pictures import ImageCursor
from groundray.engine.sources import RowImage
from groundray.formats.errors import DamagedError, ImageError


def image(number: int) -> RowImage:
    return RowImage(memoryview(bytes([number])), None, None)


def batches() -> Iterator[list[RowImage]]:
    yield [image(10), image(11), image(12)]
    yield [image(13), RowImage(None, None, "null_image")]
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
