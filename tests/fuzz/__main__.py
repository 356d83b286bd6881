"""See `tests.fuzz`."""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping
from time import process_time, strftime

from tests.fuzz.campaign import Failure, Target, case, targets

_SLICE_S = 0.5


def main() -> int:
    """Runs the targets by turns until the time is used up; prints what failed, and counts."""
    options = _options()
    chosen = {
        name: target
        for name, target in targets(options.format).items()
        if options.only is None or name.startswith(options.only)
    }
    if options.case is not None:
        return _report_one(chosen, options.seed, options.case)
    counts: Counter[str] = Counter()
    seconds = dict.fromkeys(chosen, 0.0)
    failures: dict[str, Failure] = {}
    end = process_time() + options.minutes * 60
    while process_time() < end:
        for name, target in chosen.items():
            began = process_time()
            until = min(began + _SLICE_S, end)
            while process_time() < until:
                failure = case(name, target, options.seed, counts[name])
                counts[name] += 1
                if failure is not None and failure.place not in failures:
                    failures[failure.place] = failure
                    print(f"{strftime('%H:%M:%S')} {failure}\n", flush=True)
            seconds[name] += process_time() - began
    for name in chosen:
        print(f"{name:28} {counts[name]:10,} cases {seconds[name]:8.1f} s")
    print(
        f"{sum(counts.values()):,} cases of {len(chosen)} targets in {sum(seconds.values()):.0f} s "
        f"of processor time, seed {options.seed}: {len(failures)} kinds of failure"
    )
    return 1 if failures else 0


def _report_one(chosen: Mapping[str, Target], seed: int, number: int) -> int:
    found = [case(name, target, seed, number) for name, target in chosen.items()]
    for failure in filter(None, found):
        print(failure)
    return 1 if any(found) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="of processor time, in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", help="this format alone, and no files")
    parser.add_argument("--only", help="targets whose name begins so")
    parser.add_argument("--case", type=int, help="this case alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
