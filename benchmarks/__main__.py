"""How fast, how much memory, how it grows; each against the usual way and the physical limit.

Prints a Markdown table for each thing measured, as it goes. Figures of one table come from one run
on one machine: compare within it.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from benchmarks import convert, evaluate, growth, parse, plan, predict, report, start
from benchmarks.bench import Bench, Table

TOPICS: dict[str, Callable[[Bench], Iterator[Table]]] = {
    "start": start.tables,
    "plan": plan.tables,
    "convert": convert.tables,
    "predict": predict.tables,
    "evaluate": evaluate.tables,
    "report": report.tables,
    "parse": parse.tables,
    "growth": growth.tables,
}
"""In an order in which those that write many files do not follow each other."""


def main() -> None:
    """Measures what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "topics", nargs="*", metavar="TOPIC", help=f"of {', '.join(TOPICS)}; none for all"
    )
    parser.add_argument("--runs", type=int, help="of each command (3; 1 with --quick)")
    parser.add_argument(
        "--quick", action="store_true", help="sizes a tenth: to see that everything runs"
    )
    parser.add_argument(
        "--work",
        type=Path,
        action="append",
        help="folder for data and outputs, deleted at the end; twice measures twice",
    )
    parser.add_argument("--out", type=Path, help="Markdown file that the tables are written to too")
    arguments = parser.parse_args()
    if unknown := set(arguments.topics) - set(TOPICS):
        parser.error(f"no topic {', '.join(unknown)}; there are {', '.join(TOPICS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # or nobody would clean up
    runs = arguments.runs or (1 if arguments.quick else 3)
    parts: list[str] = []
    for place in arguments.work or [None]:
        for part in measure(arguments.topics or TOPICS, place, runs, quick=arguments.quick):
            print(f"{part}\n", flush=True)
            parts.append(part)
            if arguments.out:
                arguments.out.write_text("\n\n".join(parts) + "\n", "utf-8")


def measure(topics: Iterable[str], place: Path | None, runs: int, *, quick: bool) -> Iterator[str]:
    """The tables of some topics, as Markdown."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-", dir=place) as work:
        for topic in topics:
            sys.stderr.write(f"{topic}...\n")
            folder = Path(work) / topic
            folder.mkdir()
            bench = Bench(folder, runs, quick)
            for table in TOPICS[topic](bench):
                yield table.to_markdown(bench.setting())


if __name__ == "__main__":
    main()
