"""The physical limit of a conversion: reads the same columns and writes the same images, no more.

python -m benchmarks.floor DATA OUT [PROCESSES]
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

COLUMNS = [
    "image_id",
    "image",
    "width",
    "height",
    "objects.category",
    "objects.bbox",
    "objects.area",
]


def copy_images(path: Path, output: Path) -> None:
    """Writes the images of one parquet file."""
    import pyarrow.parquet as pq

    with path.open("rb") as handle:
        file = pq.ParquetFile(handle, pre_buffer=False, buffer_size=1 << 20)
        for batch in file.iter_batches(32, columns=COLUMNS, use_threads=False):
            (_, offsets, values) = batch.column("image").field("bytes").buffers()
            ends = memoryview(offsets).cast("B").cast("i")
            data = memoryview(values).cast("B")
            for i, identity in enumerate(batch.column("image_id").to_pylist()):
                with open(f"{output}/{identity:012d}.jpg", "wb", buffering=0) as image:  # noqa: PTH123
                    image.write(data[ends[i] : ends[i + 1]])


def main(data: Path, output: Path, processes: int) -> None:
    """Copies all images of a data set, file by file."""
    output.mkdir(parents=True)
    paths = sorted((data / "data").glob("train*.parquet"))
    if processes == 1:
        for path in paths:
            copy_images(path, output)
    else:
        with ProcessPoolExecutor(processes) as pool:
            list(pool.map(copy_images, paths, repeat(output)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
