"""Arrow arrays from numpy and from text, and back."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.data import make_annotations
from groundray.engine.arrays import from_numpy, from_texts, to_numpy, to_texts

SAMPLE = Path(__file__).parents[1] / "data/coco_small_ccby"


@settings(deadline=None)  # the first call loads numpy's and Arrow's parts
@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]))))
def test_texts_come_back(texts: list[str | None]) -> None:
    array = from_texts(texts)
    array.validate(full=True)
    assert array.equals(pa.array(texts, pa.string()))
    assert to_texts(array) == texts


def test_half_a_character_is_no_text() -> None:
    with pytest.raises(UnicodeEncodeError):
        from_texts(["\ud83d"])


@pytest.mark.parametrize("kind", ["i4", "i8", "f8", "?"])
@pytest.mark.parametrize("count", [0, 1, 7, 8, 9])
def test_numbers_come_back(kind: str, count: int) -> None:
    values = (np.arange(count) % 3).astype(kind)
    array = from_numpy(values)
    array.validate(full=True)
    assert array.equals(pa.array(values))
    np.testing.assert_array_equal(to_numpy(array), values)
    is_null = np.arange(count) % 2 == 0
    assert from_numpy(values, is_null).equals(pa.array(values, mask=is_null))


def test_a_strided_view_is_copied() -> None:
    assert from_numpy(np.arange(10).reshape(5, 2)[:, 1]).to_pylist() == [1, 3, 5, 7, 9]


@pytest.mark.parametrize("images", ["copy", "reference"])
def test_a_conversion_does_without_pandas(images: str, tmp_path: Path) -> None:
    source = SAMPLE
    if images == "reference":
        source = tmp_path / "in"
        make_annotations(source, rows=100, files=1)
    script = (
        "import sys; from groundray.engine import Runner, convert\n"
        "convert(sys.argv[1], sys.argv[2], formats=['qwen3-vl'], images=sys.argv[3],\n"
        "        runner=Runner('local'))\n"
        "sys.exit('pandas' in sys.modules)"
    )
    command = [sys.executable, "-c", script, str(source), str(tmp_path / "out"), images]
    subprocess.run(command, check=True)
