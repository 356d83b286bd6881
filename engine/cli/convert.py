"""`groundray convert`."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from groundray.engine.cli.live_line import LiveLine
from groundray.engine.cli.options import (
    Address,
    FormatPlugins,
    Formats,
    NumCpus,
    Prompt,
    RowsPerShard,
    System,
)
from groundray.engine.cli.terminal import say
from groundray.formats.errors import GroundrayError
from groundray.formats.tasks import Task
from groundray.models.urls import public_name

if TYPE_CHECKING:
    from groundray.engine.conversion.convert import Progress
    from groundray.engine.conversion.manifest import Account, Manifest
    from groundray.engine.plan import Plan

EPILOG = "\b\nExample: groundray convert tests/data/coco_small_ccby out --format qwen3-vl,glm-4.5v"


def convert(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT... OUTPUT",
            help="Parquet files, folders, globs or fsspec URLs, and the folder or URL to write to.",
            show_default=False,
        ),
    ],
    formats: Formats,
    layout: Annotated[
        str | None, typer.Option(help="What the columns mean: a preset's name or a TOML file.")
    ] = None,
    task: Annotated[Task | None, typer.Option(help="What the examples ask for.")] = None,
    samples: Annotated[int | None, typer.Option(help="Records to draw in all.")] = None,
    val_ratio: Annotated[float, typer.Option(help="Share of them for val.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of the draw.")] = 42,
    sampling: Annotated[
        Literal["hash", "shuffle"],
        typer.Option(help="hash: stable when files change; shuffle: what the usual script draws."),
    ] = "hash",
    rows_per_shard: RowsPerShard = None,
    images: Annotated[
        Literal["copy", "reference"], typer.Option(help="Write images, or keep their paths.")
    ] = "copy",
    image_root: Annotated[
        str | None, typer.Option(help="Folder that image paths in the data start from.")
    ] = None,
    verify: Annotated[
        Literal["header", "decode"], typer.Option(help="How much of each image is decoded.")
    ] = "header",
    classes: Annotated[
        Path | None, typer.Option(help="File of class names by id, one a line.")
    ] = None,
    only: Annotated[
        Path | None, typer.Option(help="File of the class names to keep, one a line.")
    ] = None,
    drop: Annotated[
        str, typer.Option(help="Boxes to leave out: crowd, difficult, or both with a comma.")
    ] = "",
    keep_empty: Annotated[
        bool, typer.Option("--keep-empty", help="Write images without a box too.")
    ] = False,
    prompt: Prompt = None,
    prompt_classes: Annotated[
        Literal["all", "present"], typer.Option(help="What {classes} names.")
    ] = "all",
    system: System = None,
    on_error: Annotated[
        Literal["reject", "raise"], typer.Option(help="What a bad record does.")
    ] = "reject",
    max_reject_ratio: Annotated[
        float, typer.Option(help="Share of rejected records that fails the finished run.")
    ] = 0.01,
    plugin: FormatPlugins = None,
    address: Address = None,
    num_cpus: NumCpus = None,
    runner: Annotated[
        Literal["auto", "ray", "local"],
        typer.Option(help="local: in this process, to the same bytes; auto: whichever is sooner."),
    ] = "auto",
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Remove another or a finished run from OUTPUT first."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the manifest instead of a summary.")
    ] = False,
) -> None:
    """Turn detection parquet into training shards, a folder a format."""
    from groundray.engine import convert as convert_data_sets
    from groundray.engine.runners import Runner

    if len(places) < 2:
        raise typer.BadParameter("INPUT and OUTPUT are both needed", param_hint="INPUT... OUTPUT")
    *inputs, output = places
    names = split_names(formats)
    if not names:
        raise typer.BadParameter(
            "name one at least; see `groundray formats`", param_hint="--format"
        )
    with LiveLine("reading keys") as line:
        reporter = Reporter(line)
        manifest = convert_data_sets(
            inputs,
            output,
            formats=names,
            layout=layout,
            task=task,
            samples=samples,
            val_ratio=val_ratio,
            seed=seed,
            sampling=sampling,
            rows_per_shard=rows_per_shard,
            images=images,
            image_root=image_root,
            verify=verify,
            classes=None if classes is None else read_names(classes),
            only=None if only is None else read_names(only),
            drop=split_names(drop),
            keep_empty=keep_empty,
            prompt=prompt,
            prompt_classes=prompt_classes,
            system=system,
            on_error=on_error,
            max_reject_ratio=max_reject_ratio,
            plugins=plugin or [],
            runner=Runner(runner, address, num_cpus),
            overwrite=overwrite,
            on_plan=reporter.plan,
            on_progress=reporter.progress,
        )
    if as_json:
        say(manifest.to_json().decode(), end="")
    else:
        summarise(manifest, output)


def read_names(path: Path) -> list[str]:
    """Names in a text file, one a line; the line's place is the id, so none may be empty.

    Raises:
        GroundrayError: the file cannot be read, or holds an empty line before its end.
    """
    try:
        names = [line.strip() for line in path.read_text("utf-8").rstrip().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise GroundrayError(f"names in {path}: {error}") from error
    if "" in names:
        raise GroundrayError(f"names in {path}: line {names.index('') + 1} is empty")
    return names


def split_names(text: str) -> list[str]:
    """Names between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


class Reporter:
    """Says how a conversion goes.

    Args:
        line: where.
    """

    def __init__(self, line: LiveLine) -> None:
        self._line = line
        self._started_s = monotonic()

    def plan(self, plan: "Plan") -> None:
        """Says what was found."""
        shards = ", ".join(f"{split} {count}" for split, count in plan.num_shards.items())
        self._line.print(plan.source.reason)
        self._line.print(f"plan: {len(plan.units)} units; shards: {shards}")
        for warning in plan.warnings:
            self._line.print(f"warning: {warning}")
        for file in plan.unreadable:
            self._line.print(f"warning: left out {file.relative}: {file.reason}")

    def progress(self, progress: "Progress") -> None:
        """Says how far it is."""
        if progress.units_done == progress.units_before:
            choice = progress.runner
            self._line.print(f"runner: {choice.kind} ({choice.reason})")
        self._line.show(_progress_line(progress, monotonic() - self._started_s))


def _progress_line(progress: "Progress", elapsed_s: float) -> str:
    tally = progress.tally
    parts = [
        f"{progress.units_done}/{progress.units} units",
        f"{tally['records/written']:,} records",
        f"{tally['boxes/written']:,} boxes",
        f"{tally['images/bytes'] / 1e6:,.0f} MB of images",
    ]
    done = progress.units_done - progress.units_before
    if done:
        left_s = elapsed_s / done * (progress.units - progress.units_done)
        parts += [f"{done / elapsed_s:,.1f} units/s", f"{left_s:,.0f} s left"]
    return ", ".join(parts)


def summarise(manifest: "Manifest", output: str) -> None:
    """Prints what a finished conversion wrote, and what it did not."""
    output = public_name(output)
    records, boxes = manifest.records.written, manifest.boxes.written
    say(f"wrote {records:,} records with {boxes:,} boxes to {output}")
    for split, in_split in manifest.splits.items():
        shards = f"{in_split.shards:,} {'shard' if in_split.shards == 1 else 'shards'}"
        say(f"  {split}: {in_split.records:,} records in {shards}")
    for name, in_format in manifest.formats.items():
        say(f"  {output}/{name}: {in_format.examples:,} examples")
    for line in (
        *_losses("records", manifest.records),
        *_losses("boxes", manifest.boxes),
    ):
        say(f"  {line}")
    if manifest.boxes.clipped:
        say(f"  boxes clipped to their image: {manifest.boxes.clipped:,}")
    for file in manifest.unreadable_files:
        say(f"  left out {file.path}: {file.reason}")
    first = next(iter(manifest.formats))
    say(f"look at it: groundray draw {output}/{first} look.png --grid 6")


def _losses(kind: str, account: "Account") -> Iterator[str]:
    for fate, reasons in (
        ("not chosen", account.not_chosen),
        ("rejected", account.rejected),
        ("dropped", account.dropped),
    ):
        for reason, count in reasons.items():
            if count:
                yield f"{kind} {fate}: {count:,} {reason}"
