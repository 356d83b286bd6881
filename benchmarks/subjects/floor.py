"""The physical limit of a conversion: reads the same columns and writes the same images, no more.

Images go where a conversion puts them: 1,000 a folder, written aside and renamed with their folder.
The shards, half a percent of the bytes, are not written.

python -m benchmarks.subjects.floor DATA OUT [PROCESSES [sha256]]

With `sha256`, every byte of the images is hashed too, as a manifest that named every image would
need; groundray hashes shards alone.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from hashlib import sha256
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
FOLDER_ROWS = 1_000


def copy_images(path: Path, *, output: Path, hashed: bool) -> None:
    """Writes the images of one parquet file."""
    import pyarrow.parquet as pq

    number, left = -1, 0
    aside = output / f".{path.stem}"
    with path.open("rb") as handle:
        file = pq.ParquetFile(handle, pre_buffer=False, buffer_size=1 << 20)
        for batch in file.iter_batches(32, columns=COLUMNS, use_threads=False):
            (_, offsets, values) = batch.column("image").field("bytes").buffers()
            ends = memoryview(offsets).cast("B").cast("i")
            data = memoryview(values).cast("B")
            for i, identity in enumerate(batch.column("image_id").to_pylist()):
                if not left:
                    number, left = number + 1, FOLDER_ROWS
                    _publish(aside, output / f"{path.stem}-{number}")
                left -= 1
                with open(f"{aside}/{identity:012d}.jpg", "wb", buffering=0) as image:  # noqa: PTH123
                    image.write(data[ends[i] : ends[i + 1]])
                if hashed:
                    sha256(data[ends[i] : ends[i + 1]]).digest()
    _publish(aside, output / f"{path.stem}-{number + 1}")
    aside.rmdir()


def _publish(aside: Path, final: Path) -> None:
    if aside.exists():
        aside.replace(final)
    aside.mkdir()


def main(data: Path, output: Path, *, processes: int, hashed: bool) -> None:
    """Copies all images of a data set, file by file."""
    output.mkdir(parents=True)
    copy = partial(copy_images, output=output, hashed=hashed)
    paths = sorted((data / "data").glob("train*.parquet"))
    if processes == 1:
        for path in paths:
            copy(path)
    else:
        with ProcessPoolExecutor(processes) as pool:
            list(pool.map(copy, paths))


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        Path(sys.argv[2]),
        processes=int(sys.argv[3]) if len(sys.argv) > 3 else 1,
        hashed=sys.argv[4:] == ["sha256"],
    )
