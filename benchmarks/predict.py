"""Prediction against the bare loop: what the engine adds to a backend's own time."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import orjson

from benchmarks.bench import COSTS, Bench, Table, costs, ratio, seconds
from benchmarks.data import make_annotations, make_coco_like
from benchmarks.measure import Measured, groundray, measure, medians, on_cluster, python
from benchmarks.subjects import fixed_cost
from benchmarks.subjects.bare_loop import FORMAT, MAX_NEW_TOKENS, MAX_PIXELS

IMAGES, BATCH_S = 960, 0.4
BATCH = fixed_cost.FixedCost.batch_size
TINY_IMAGES = 48
REPLAYED = (10_000, 100_000)
PLUGIN = fixed_cost.__file__

LOCAL = ("--runner", "local")
ONE, TWO = (("--runner", "ray", "--num-cpus", 2, "--actors", actors) for actors in (1, 2))


def tables(bench: Bench) -> Iterator[Table]:
    """A backend that sleeps, a real one, and answers that are there already."""
    yield _fixed_cost(bench)
    if find_spec("paddleformers"):
        yield _tiny(bench)
    yield _replay(bench)


def _fixed_cost(bench: Bench) -> Table:
    images, batch_s = bench.size(IMAGES), BATCH_S
    converted = _convert(bench, images)
    checkpoint = bench.work / "checkpoint"
    checkpoint.write_text(str(batch_s))
    options = ("--backend", "fixed-cost", "--plugin", PLUGIN)
    ask = partial(_predict, bench, converted, checkpoint, *options)
    bare = "bare loop: read images, answer, one after the other"
    commands: dict[str, Callable[[], list[str]]] = {
        bare: partial(_bare_loop, converted, checkpoint, "fixed-cost", PLUGIN),
        "`--runner local`": partial(ask, *LOCAL),
        "`--runner ray`, 1 actor": partial(ask, *ONE),
        "`--runner ray`, 2 actors": partial(ask, *TWO),
    }
    found = medians(commands, bench.runs)
    own_s = -(-images // BATCH) * batch_s
    rows = [_row(name, each, own_s, found[bare]) for name, each in found.items()]
    asked = [ask(*ONE) for _ in range(bench.runs + 1)]
    warm_s = median(on_cluster(asked, keep=not bench.is_in_memory).wall_s[1:])
    by_own, by_bare = ratio(warm_s, own_s), ratio(warm_s, found[bare].wall_s)
    warm = ["1 actor on a running cluster, its start inside", seconds(warm_s), "", "", ""]
    return Table(
        f"{images} images, a backend that sleeps {batch_s} s for each batch of {BATCH}",
        ("what", *COSTS, "wall / backend's own time", "wall / bare loop"),
        [*rows, [*warm, by_own, by_bare]],
        "Whole commands. Two actors have half the backend's time each.",
    )


def _tiny(bench: Bench) -> Table:
    images = bench.size(TINY_IMAGES)
    converted = _convert(bench, images)
    checkpoint = bench.work / "tiny"
    measure(groundray("models", "tiny", checkpoint))
    options = ("--max-new-tokens", MAX_NEW_TOKENS, "--max-pixels", MAX_PIXELS)
    commands: dict[str, Callable[[], list[str]]] = {
        "bare loop": partial(_bare_loop, converted, checkpoint, "paddleformers"),
        "`--runner local`": partial(
            _predict, bench, converted, checkpoint, *options, "--batch-size", BATCH, *LOCAL
        ),
    }
    found = medians(commands, bench.runs)
    bare = found["bare loop"]
    own_s = float(bare.said.split()[-1])
    return Table(
        f"{images} images, a tiny Qwen3-VL on a CPU, {MAX_NEW_TOKENS} tokens each",
        ("what", *COSTS, "wall / backend's own time", "wall / bare loop"),
        [_row(name, each, own_s, bare) for name, each in found.items()],
        "Whole commands, importing Paddle and loading the checkpoint inside.",
    )


def _replay(bench: Bench) -> Table:
    """Answers that are there: parsing and writing alone, and how memory grows."""
    rows = []
    for num_rows in bench.sizes(REPLAYED):
        source, converted = bench.work / f"rows-{num_rows}", bench.fresh()
        make_annotations(source, rows=num_rows, files=4)
        reference = ("--format", FORMAT, "--images", "reference", *LOCAL)
        measure(groundray("convert", source, converted, *reference))
        answers = bench.work / f"answers-{num_rows}.jsonl"
        _write_answers(converted, answers)
        output = bench.work / f"replayed-{num_rows}"
        for runner in ("local", "ray"):
            took = measure(
                groundray(
                    "predict", converted, f"{output}-{runner}", "--checkpoint", answers,
                    "--format", FORMAT, "--split", "train", "--runner", runner,
                )
            )  # fmt: skip
            rate = f"{num_rows / took.wall_s:,.0f}"
            rows.append([f"{num_rows:,}", runner, *costs(took), rate])
    return Table(
        "Answers of 7 boxes replayed from a file: parsed and written, nothing asked",
        ("answers", "runner", *COSTS, "answers / s"),
        rows,
    )


def _row(name: str, each: Measured, own_s: float, bare: Measured) -> list[str]:
    return [name, *costs(each), ratio(each.wall_s, own_s), ratio(each.wall_s, bare.wall_s)]


def _predict(bench: Bench, converted: Path, checkpoint: Path, *options: object) -> list[str]:
    where = (converted, bench.fresh(), "--checkpoint", checkpoint)
    return groundray("predict", *where, "--format", FORMAT, "--split", "train", *options)


def _bare_loop(converted: Path, checkpoint: Path, backend: str, *plugin: str) -> list[str]:
    where = (converted, checkpoint, backend, BATCH, *plugin)
    return python("benchmarks.subjects.bare_loop", *where)


def _convert(bench: Bench, images: int) -> Path:
    source, converted = bench.work / f"images-{images}", bench.work / f"converted-{images}"
    make_coco_like(source, rows=images, files=2, row_group_rows=100)
    measure(groundray("convert", source, converted, "--format", FORMAT, *LOCAL))
    return converted


def _write_answers(converted: Path, answers: Path) -> None:
    with answers.open("wb") as file:
        for shard in sorted((converted / FORMAT / "train").iterdir()):
            for line in shard.read_bytes().splitlines():
                said = {"id": orjson.loads(line)["id"], "text": fixed_cost.ANSWER}
                file.write(orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE))
