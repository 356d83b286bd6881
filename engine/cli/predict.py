"""`groundray predict`."""

from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from groundray.engine.cli.live_line import LiveLine
from groundray.engine.cli.options import Address, BackendPlugins, NumCpus, Prompt, System
from groundray.engine.cli.terminal import say
from groundray.formats.tasks import Task
from groundray.models.urls import public_name

if TYPE_CHECKING:
    from groundray.engine.plan import Plan
    from groundray.engine.prediction.actors import Actors
    from groundray.engine.prediction.manifest import PredictionManifest
    from groundray.engine.prediction.predict import PredictionProgress

EPILOG = (
    "\b\nExample: groundray predict out predictions --checkpoint tiny --format qwen3-vl "
    "--max-new-tokens 64"
)


def predict(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT... OUTPUT",
            help="A converted folder, or what `convert` reads; and the folder or URL to write to.",
            show_default=False,
        ),
    ],
    checkpoint: Annotated[
        list[str],
        typer.Option(
            help="Folder, URL or model name; a jsonl of answers; may be repeated.",
            show_default=False,
        ),
    ],
    format_name: Annotated[
        str,
        typer.Option(
            "--format", metavar="NAME", help="Format that asks and reads answers, or a FILE.toml."
        ),
    ],
    backend: Annotated[
        str | None, typer.Option(metavar="NAME", help="What answers; see `groundray models`.")
    ] = None,
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="OpenAI-compatible endpoint that answers.")
    ] = None,
    split: Annotated[str, typer.Option(help="Split of the data to ask about.")] = "val",
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="Records to draw from the split.")
    ] = None,
    actors: Annotated[
        str | None,
        typer.Option(metavar="MIN[,MAX]", help="Processes that answer; as many as GPUs, or 1."),
    ] = None,
    gpus_per_actor: Annotated[
        float | None, typer.Option(metavar="F", help="GPUs of each; 1 where there are some.")
    ] = None,
    batch_size: Annotated[
        str, typer.Option(metavar="N|auto", help="Records answered together.")
    ] = "auto",
    max_new_tokens: Annotated[int, typer.Option(help="Limit of an answer.")] = 1024,
    max_pixels: Annotated[
        str | None,
        typer.Option(
            metavar="train|model|N",
            help="Area the model sees an image in: as trained, as its processor has it, or N.",
        ),
    ] = None,
    logprobs: Annotated[
        bool, typer.Option("--logprobs", help="Score boxes by their tokens' probabilities.")
    ] = False,
    prompt: Prompt = None,
    prompt_classes: Annotated[
        Literal["all", "present"] | None, typer.Option(help="What {classes} names.")
    ] = None,
    system: System = None,
    rows_per_shard: Annotated[int, typer.Option(help="Records that a shard aims at.")] = 128,
    layout: Annotated[
        str | None, typer.Option(help="As in convert, for an INPUT that was not converted.")
    ] = None,
    task: Annotated[Task | None, typer.Option(help="As in convert.")] = None,
    image_root: Annotated[str | None, typer.Option(help="As in convert.")] = None,
    classes: Annotated[Path | None, typer.Option(help="As in convert.")] = None,
    plugin: BackendPlugins = None,
    address: Address = None,
    num_cpus: NumCpus = None,
    runner: Annotated[
        Literal["auto", "ray", "local"],
        typer.Option(help="local: in this process, to the same bytes; auto: an actor pool."),
    ] = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Remove other or finished predictions first.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the manifests, a list, instead of a summary.")
    ] = False,
) -> None:
    """Ask checkpoints about every image of a split."""
    from groundray.engine import predict as predict_records
    from groundray.engine.cli.convert import read_names
    from groundray.engine.runners import Runner

    if len(places) < 2:
        raise typer.BadParameter("INPUT and OUTPUT are both needed", param_hint="INPUT... OUTPUT")
    *inputs, output = places
    with LiveLine("reading what to ask about") as line:
        reporter = _Reporter(line)
        manifests = predict_records(
            inputs,
            output,
            checkpoints=checkpoint,
            format=format_name,
            backend=backend,
            server=server,
            split=split,
            limit=limit,
            actors=parse_actors(actors, gpus_per_actor),
            batch_size=parse_batch_size(batch_size),
            max_new_tokens=max_new_tokens,
            max_pixels=_max_pixels(max_pixels),
            logprobs=logprobs,
            prompt=prompt,
            system=system,
            prompt_classes=prompt_classes,
            rows_per_shard=rows_per_shard,
            layout=layout,
            task=task,
            image_root=image_root,
            classes=None if classes is None else read_names(classes),
            plugins=plugin or [],
            runner=Runner(runner, address, num_cpus),
            overwrite=overwrite,
            on_plan=reporter.plan,
            on_progress=reporter.progress,
        )
    if as_json:
        say(f"[{','.join(m.to_json().decode().rstrip() for m in manifests)}]")
    else:
        _summarise(manifests, output)


def _number(text: str, option: str) -> int:
    if not text.isdigit():
        raise typer.BadParameter(f"{text!r} is no whole number", param_hint=option)
    return int(text)


def _max_pixels(text: str | None) -> "Literal['train', 'model'] | int | None":
    if text == "train":
        return "train"
    if text == "model":
        return "model"
    return None if text is None else _number(text, "--max-pixels")


def parse_batch_size(text: str) -> int | None:
    """`--batch-size`; None for auto."""
    return None if text == "auto" else _number(text, "--batch-size")


def parse_actors(text: str | None, gpus: float | None) -> "Actors":
    """`--actors MIN[,MAX]` and `--gpus-per-actor`."""
    from groundray.engine.prediction.actors import Actors

    if text is None:
        return Actors(gpus=gpus)
    low, comma, high = text.partition(",")
    least = _number(low.strip(), "--actors")
    most = _number(high.strip(), "--actors") if comma else least
    if not 1 <= least <= most:
        raise typer.BadParameter(f"{text!r}: from 1 up, MIN before MAX", param_hint="--actors")
    return Actors(least, most, gpus)


class _Reporter:
    """Says how predictions go."""

    def __init__(self, line: LiveLine) -> None:
        self._line = line
        self._started_s = monotonic()
        self._checkpoint = ""

    def plan(self, plan: "Plan") -> None:
        """Says what was found."""
        records = sum(shard.records for unit in plan.units for shard in unit.shards)
        self._line.print(f"plan: {records:,} records in {len(plan.units):,} units")
        for warning in plan.warnings:
            self._line.print(f"warning: {warning}")

    def progress(self, progress: "PredictionProgress") -> None:
        """Says how far it is."""
        if progress.checkpoint != self._checkpoint:
            self._checkpoint, self._started_s = progress.checkpoint, monotonic()
            choice = progress.runner
            self._line.print(f"{progress.checkpoint}: runner {choice.kind} ({choice.reason})")
        is_last = progress.units_done == progress.units > progress.units_before
        text = _progress_line(progress, monotonic() - self._started_s)
        self._line.show(text, is_last=is_last)


def _progress_line(progress: "PredictionProgress", elapsed_s: float) -> str:
    tally = progress.tally
    parts = [
        f"{progress.checkpoint}: {progress.units_done}/{progress.units} units",
        f"{tally['records/predicted']:,} answers",
        f"{tally['records/failed']:,} failed",
    ]
    if progress.asked:
        parts.append(f"{progress.asked / elapsed_s:,.1f} answers/s")
    if took_s := progress.busy_s + progress.waited_s:
        parts.append(f"backends busy {progress.busy_s / took_s:.0%}")
    done = progress.units_done - progress.units_before
    if done:
        left_s = elapsed_s / done * (progress.units - progress.units_done)
        parts.append(f"{left_s:,.0f} s left")
    return ", ".join(parts)


def _summarise(manifests: "list[PredictionManifest]", output: str) -> None:

    output = public_name(output)
    for manifest in manifests:
        records, boxes = manifest.records, manifest.boxes
        place = f"{output}/{manifest.checkpoint}"
        say(
            f"{place}: {records.predicted:,} answers about {manifest.split}, with "
            f"{boxes.get('predicted', 0):,} boxes for {boxes.get('targets', 0):,} targets"
        )
        if records.failed:
            say(f"  failed: {records.failed:,} (each line's `error` says why)")
        for issue, count in manifest.issues.items():
            say(f"  {issue}: {count:,} answers")
        for reason, count in records.not_in_truth.items():
            say(f"  not asked, rejected from the data: {count:,} {reason}")
    say(f"look at them: groundray draw {output}/{manifests[0].checkpoint} look.png --grid 6")
