"""Truth files that come to nothing."""

import gc
from pathlib import Path

import numpy as np
import pytest

from groundray.engine.arrays import from_texts
from groundray.engine.records import Records
from groundray.engine.texts import Texts
from groundray.engine.truth import RECORDS_PER_ROW_GROUP, TruthWriter, truth_table


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_file_that_is_let_go_is_not_completed_behind_our_back(tmp_path: Path) -> None:
    count = RECORDS_PER_ROW_GROUP
    zeros, flags = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.bool_)
    texts = Texts(from_texts(list(map(str, range(count)))))
    records = Records(
        row=zeros,
        id=texts,
        image_key=texts,
        width=zeros,
        height=zeros,
        offsets=np.arange(count + 1),
        xyxy=np.ones((count, 4)),
        category=zeros,
        names=["cat"],
        area=np.ones(count),
        iscrowd=flags,
        difficult=flags,
        query=[None] * count,
    )
    with (tmp_path / "truth.parquet").open("wb") as sink:
        writer = TruthWriter(sink)
        writer.write(truth_table(records, texts.array, np.ones((count, 2))))
        assert sink.tell() > 0
        writer.let_go()
    del writer
    gc.collect()
