"""Truth files: exact records without image bytes, which predictions are scored against."""

from contextlib import suppress
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from groundray.engine.arrays import from_numpy, from_texts
from groundray.engine.records import Records

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("image", pa.string(), nullable=False),  # as in the examples: relative to this file
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("xyxy", pa.list_(pa.list_(pa.float64(), 4)), nullable=False),
        pa.field("category", pa.list_(pa.string()), nullable=False),
        pa.field("area", pa.list_(pa.float64()), nullable=False),
        pa.field("iscrowd", pa.list_(pa.bool_()), nullable=False),
        pa.field("query", pa.string()),
    ]
)
"""xyxy in pixels of the stored frame; area as the source says, null where it does not."""

RECORDS_PER_ROW_GROUP = 5_000


def truth_table(records: Records, images: pa.Array, image_sizes: np.ndarray[Any, Any]) -> pa.Table:
    """Records as a table of `SCHEMA`.

    Args:
        records: boxes in pixels; no category of -1.
        images: `(N,)` paths, relative to the folder of a truth file.
        image_sizes: `(N, 2)` width, height of the stored frame.
    """
    offsets = from_numpy(records.offsets.astype(np.int32))
    flat = pa.FixedSizeListArray.from_arrays(from_numpy(records.xyxy.reshape(-1)), 4)
    names = from_texts(records.names)
    category = names.take(from_numpy(records.category)) if records.num_boxes else names[:0]
    area = from_numpy(records.area, np.isnan(records.area))
    columns = [
        records.id.array,
        images,
        from_numpy(image_sizes[:, 0].astype(np.int32)),
        from_numpy(image_sizes[:, 1].astype(np.int32)),
        pa.ListArray.from_arrays(offsets, flat),
        pa.ListArray.from_arrays(offsets, category),
        pa.ListArray.from_arrays(offsets, area),
        pa.ListArray.from_arrays(offsets, from_numpy(records.iscrowd)),
        from_texts(records.query),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


class TruthWriter:
    """Writes one truth file; holds no more than a row group in memory.

    Args:
        sink: binary file, from the start.
    """

    def __init__(self, sink: IO[bytes]) -> None:
        self._sink = sink
        self._writer: pq.ParquetWriter | None = None
        self._held: list[pa.Table] = []
        self._num_held = 0

    def write(self, table: pa.Table) -> None:
        """Adds records."""
        self._held.append(table)
        self._num_held += len(table)
        if self._num_held >= RECORDS_PER_ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Writes what is held and the footer; the sink stays open."""
        self._flush().close()

    def let_go(self) -> None:
        """Writes nothing more that counts: what is not complete by now never will be.

        Else pyarrow would complete the file when it is collected, after the sink was closed.
        """
        if self._writer is not None and self._writer.is_open:
            with suppress(Exception):  # the disk may be full
                self._writer.close()
            self._writer.is_open = False

    def _flush(self) -> pq.ParquetWriter:
        if self._writer is None:  # made when it is needed: it takes half a millisecond
            self._writer = pq.ParquetWriter(
                self._sink,
                SCHEMA,
                compression="snappy",
                use_dictionary=["category.list.element"],
                write_statistics=["id"],
                store_schema=False,
            )
        if self._held:
            self._writer.write_table(pa.concat_tables(self._held))
            self._held, self._num_held = [], 0
        return self._writer
