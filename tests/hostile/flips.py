"""Flips bytes of a parquet file, and converts it, again and again.

    python -m tests.hostile.flips FIRST LAST [COMPRESSION]

Case N is the same whatever ran before it. Printed are one line for each case that ended in
anything but a result or an error of ours, or took 30 s, and a summary as JSON. The process itself
may die: pyarrow aborts on some damage, which is what this looks for.
"""

import json
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path
from random import Random

from groundray.engine import Runner, convert
from groundray.formats.errors import GroundrayError
from tests.hostile.made import row, write

_LIMIT_S = 30
_BYTES = (0, 1, 0x7F, 0x80, 0xFF)


def flipped(data: bytes, number: int) -> bytes:
    """The file with one to four bytes changed, most of them in its footer."""
    rng = Random(number)
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    spoilt = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(footer if rng.random() < 0.6 else 0, len(spoilt))
        if rng.random() < 0.5:
            spoilt[at] ^= 1 << rng.randrange(8)
        else:
            spoilt[at] = rng.choice((*_BYTES, rng.randrange(256)))
    return bytes(spoilt)


def outcome(folder: Path) -> str:
    """What became of a conversion: `ok`, `rejects`, or an error's name; a bug begins with BUG."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    signal.alarm(_LIMIT_S)
    try:
        done = convert(
            str(folder / "data"),
            str(out),
            formats=["qwen3-vl"],
            layout="voc",
            runner=Runner("local"),
            max_reject_ratio=1.0,
        )
    except GroundrayError as error:
        return type(error).__name__
    except Exception as error:  # noqa: BLE001  whatever it is, it is what we look for
        step = traceback.extract_tb(error.__traceback__)[-1]
        return f"BUG {type(error).__name__} {step.filename}:{step.lineno}"
    finally:
        signal.alarm(0)
    return "rejects" if done.records.rejected else "ok"


def main(first: int, last: int, compression: str = "snappy") -> None:
    """Runs the cases; prints counts and the peak of memory in MB."""
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        place = folder / "data" / "train.parquet"
        rows = [row(f"id {i}", bbox=[(1.0, 2.0, 30.0, 40.0)] * (i % 3)) for i in range(20)]
        data = write(rows, place, row_group_size=7, compression=compression).read_bytes()
        for number in range(first, last):
            place.write_bytes(flipped(data, number))
            found = outcome(folder)
            counts[found.partition(" ")[0]] += 1
            if found.startswith("BUG"):
                print(f"case {number}: {found}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"counts": counts, "peak_mb": peak}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
