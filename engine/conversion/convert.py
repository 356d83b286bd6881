"""Conversion: detection parquet to training shards for every format asked for, in one pass."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from typing import Any, Literal

import orjson

from groundray.engine.conversion.converter import OPTIONAL, Converter, Job
from groundray.engine.conversion.examples import check_prompt
from groundray.engine.conversion.manifest import Manifest, make_manifest
from groundray.engine.converted import Sharing, is_converted, open_converted, share_with
from groundray.engine.plan import Plan, make_plan
from groundray.engine.plugins import read_formats
from groundray.engine.run import CHECKSUMS, MANIFEST, Run, open_run
from groundray.engine.runners import (
    Choice,
    Runner,
    choose_runner,
    planning,
    run_locally,
    run_on_ray,
)
from groundray.engine.selection import Sampling
from groundray.engine.shards import Tally, is_folder_name
from groundray.engine.sources import Source, absolute, iter_images, join, open_source
from groundray.engine.storage import PRIVATE, open_store, write_errors
from groundray.formats import Task
from groundray.formats.errors import FormatError, RejectsError, SourceError
from groundray.models.urls import public_name

SHARED_OUTPUTS = ("images", "rejects", "truth")
"""Folders of OUTPUT beside those of the formats."""

WRITER_VERSION = 2
"""Raised when the same options come to mean other bytes, so that no run mixes the two."""

ROWS_PER_SHARD = {"copy": 1_000, "reference": 10_000}
"""By what becomes of images. Lines of 10,000 records are 6 MB; shards of fewer take longer each."""

_ROW_S, _IMAGE_S = 10e-6, 220e-6  # measured: one row of annotations; one image of 150 KB


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a conversion is.

    Attributes:
        runner: what it runs on, and why.
        units_before: done by earlier starts of the run.
        units_done: by then, those included.
        units: of the whole plan.
        tally: of the units that are done.
    """

    runner: Choice
    units_before: int
    units_done: int
    units: int
    tally: Tally


def convert(  # noqa: PLR0913  the options of a command
    inputs: str | Sequence[str],
    output: str,
    *,
    formats: Sequence[str],
    layout: str | None = None,
    task: Task | None = None,
    samples: int | None = None,
    val_ratio: float = 0.0,
    seed: int = 42,
    sampling: Literal["hash", "shuffle"] = "hash",
    rows_per_shard: int | None = None,
    images: Literal["copy", "reference"] = "copy",
    image_root: str | None = None,
    verify: Literal["header", "decode"] = "header",
    bad_images: Literal["reject", "keep"] = "reject",
    splits: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    only: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    keep_empty: bool = False,
    prompt: str | None = None,
    prompt_classes: Literal["all", "present"] = "all",
    system: str | None = None,
    on_error: Literal["reject", "raise"] = "reject",
    max_reject_ratio: float = 0.01,
    plugins: Sequence[str] = (),
    runner: Runner = Runner(),  # noqa: B008  frozen
    overwrite: bool = False,
    on_plan: Callable[[Plan], None] = lambda plan: None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Manifest:
    """Converts data sets of parquet files to training shards.

    The same call gives the same bytes whatever the runner and the number of workers. A run that was
    killed is taken up where it stopped; a finished one is left as it is.

    Args:
        inputs: files, folders, globs or fsspec URLs; or one folder that was converted before, whose
            exact boxes and images are converted again.
        output: folder or fsspec URL.
        formats: names, or TOML files that declare one; none writes images and truth alone.
        layout: name of a preset or a TOML file; None finds it in the data.
        task: detection or grounding; None takes the layout's.
        samples: records in all; None for every one.
        val_ratio: share of them for val, 0 to 1.
        seed: of the draw.
        sampling: "hash" is stable when files are added or split anew; "shuffle" draws what the
            usual conversion script draws.
        rows_per_shard: records that a shard aims at; None for 1,000, or 10,000 where images are
            only referred to.
        images: "copy" writes them below output; "reference" keeps paths and URLs, relative to
            output for those of a converted folder.
        image_root: where image files are looked for; None searches beside and above the parquet
            files.
        verify: "decode" decodes every image wholly, "header" only those whose header is not plain.
        bad_images: "keep" writes an image that is no image as it is, where the columns give its
            size, so that who is asked about it fails, and not nobody.
        splits: of the source, those to read; None for all.
        classes: class names by id, in place of what the data says.
        only: names of the classes to keep.
        drop: kinds of boxes to leave out: "crowd", "difficult".
        keep_empty: whether images without a box are written too.
        prompt: user text in place of each format's own; `{classes}` and `{expression}` are filled
            in.
        prompt_classes: what `{classes}` names: "all" of the data set, or those "present".
        system: system text in place of each format's own; empty for none.
        on_error: "reject" lists a bad record and goes on; "raise" stops.
        max_reject_ratio: share of rejected records above which the finished run fails.
        plugins: Python files that define formats.
        runner: where units run.
        overwrite: whether a run of another configuration in output is removed, and a finished run
            is done anew.
        on_plan: is told the plan.
        on_progress: is told about every finished unit.

    Returns:
        The manifest, as it stands in `output/manifest.json`.

    Raises:
        SourceError: nothing can be read, or what it means cannot be settled.
        FormatError: a format is unknown or cannot do the task.
        OutputError: output is in use, or holds something else.
        RejectsError: more was rejected than allowed; everything is written.
    """
    formats, read = read_formats(formats, plugins)
    _check_options(formats, samples, val_ratio, rows_per_shard, max_reject_ratio)
    rows_per_shard = rows_per_shard or ROWS_PER_SHARD[images]
    if unknown := set(drop) - set(OPTIONAL):
        raise SourceError(
            f"--drop {', '.join(unknown)}: what can be dropped is crowd and difficult"
        )
    places = [inputs] if isinstance(inputs, str) else list(inputs)
    _check_apart(places, output)
    source, sharing = _open(
        places,
        output,
        images=images,
        splits=splits,
        only=only,
        layout=layout,
        task=task,
        classes=classes,
        image_root=image_root,
    )
    asked = Sampling(samples, val_ratio, seed, sampling, keep_empty)
    with planning(runner, source.num_rows) as workers:
        plan = make_plan(source, asked, rows_per_shard=rows_per_shard, workers=workers)
    job = Job(
        output=output,
        token="",
        source=source,
        selection=plan.selection,
        num_shards=dict(plan.num_shards),
        formats=formats,
        plugins=read,
        classes=plan.classes,
        prompt=prompt,
        system=system,
        present_only=prompt_classes == "present",
        images=images,
        verify=verify,
        bad_images=bad_images,
        sharing=sharing,
        drop=frozenset(drop),
        on_error=on_error,
    )
    for style in job.styles():
        check_prompt(style)
    on_plan(plan)
    if not plan.units:
        left_out = ", ".join(f"{n.records:,} {reason}" for reason, n in plan.not_chosen.items())
        raise SourceError(f"no record is left to convert ({left_out or 'no rows'})")
    configuration = _configuration(job, asked, rows_per_shard)
    store = open_store(output)
    outputs = (*SHARED_OUTPUTS, *formats)
    with (
        write_errors(store.shown),
        open_run(
            store,
            configuration,
            outputs=outputs,
            overwrite=overwrite,
            state_of=lambda unit: plan.units[unit].state,
        ) as run,
    ):
        if run.manifest is None or len(run.commits) < len(plan.units):
            _do(run, plan, job, runner, on_progress)
            run.finish(make_manifest(plan, run, job.formats, configuration).to_json())
    manifest = Manifest.from_json(run.manifest or b"")
    _check_rejects(manifest, max_reject_ratio, output)
    return manifest


def _check_options(
    formats: Sequence[str],
    samples: int | None,
    val_ratio: float,
    rows_per_shard: int | None,
    max_reject_ratio: float,
) -> None:
    doubled = [name for name, count in Counter(formats).items() if count > 1]
    taken = [name for name in formats if name in (*SHARED_OUTPUTS, PRIVATE, MANIFEST, CHECKSUMS)]
    taken += [name for name in formats if not is_folder_name(name)]
    if doubled or taken:
        raise FormatError(
            f"{(doubled or taken)[0]!r} is asked for twice, or is no name for a format"
        )
    if samples is not None and samples < 1:
        raise SourceError(f"--samples {samples}: at least 1, or leave it out for all")
    if not 0 <= val_ratio <= 1:
        raise SourceError(f"--val-ratio {val_ratio}: a share, from 0 to 1")
    if not 0 <= max_reject_ratio <= 1:
        raise SourceError(f"--max-reject-ratio {max_reject_ratio}: a share, from 0 to 1")
    if rows_per_shard is not None and rows_per_shard < 1:
        raise SourceError(f"--rows-per-shard {rows_per_shard}: at least 1")


def _check_apart(places: Sequence[str], output: str) -> None:
    """Refuses an OUTPUT inside an INPUT, whose truth files would be read as data the next time."""
    target = absolute(output)
    for place in map(absolute, places):
        if f"{target}/".startswith(f"{place}/"):
            raise SourceError(
                f"OUTPUT {public_name(output)} lies inside INPUT {public_name(place)}: its truth "
                "files would be read as data; choose another OUTPUT, or name the data more closely"
            )


def _open(
    places: Sequence[str],
    output: str,
    *,
    images: Literal["copy", "reference"],
    splits: Sequence[str] | None,
    only: Sequence[str] | None,
    **declared: Any,
) -> tuple[Source, Sharing | None]:
    """The source, and how its images are named where they stay in a converted folder."""
    sharing = None
    if len(places) == 1 and is_converted(places[0]):
        _check_undeclared(declared)
        converted = open_converted(places[0], only=only)
        source = converted.source
        if images == "reference":
            sharing = share_with(converted.root, join(output, "format/split"))
    else:
        source = open_source(places, only=only, **declared)
    if splits is not None:
        source = _of_splits(source, splits)
    if images == "reference":
        _check_referable(source)
    return source, sharing


def _check_undeclared(declared: dict[str, Any]) -> None:
    """Refuses to declare anew what a converted folder means."""
    given = [name for name, value in declared.items() if value is not None]
    if given:
        option = given[0].replace("_", "-")
        raise SourceError(f"--{option}: INPUT is a converted folder, which says that itself")


def _of_splits(source: Source, splits: Sequence[str]) -> Source:
    """The files of some splits."""
    known = sorted({file.split for file in source.files})
    if unknown := [split for split in splits if split not in known]:
        raise SourceError(
            f"the data has no split {unknown[0]!r}; it has {', '.join(known)}: give one with "
            "--split"
        )
    return replace(source, files=tuple(file for file in source.files if file.split in splits))


def _check_referable(source: Source) -> None:
    """Refuses `--images reference` at once where the images lie in the parquet files."""
    for file in source.files:
        if file.num_rows:
            (image,) = next(iter_images(source, file, 0, 1))
            if image.data is not None:
                raise SourceError(
                    "--images reference: the images are in the parquet files, so there are no "
                    "files to refer to; leave it out, and they are written below OUTPUT"
                )
            return


def _configuration(job: Job, asked: Sampling, rows_per_shard: int) -> dict[str, Any]:
    """Everything that the bytes of a run depend on, as JSON-like values without absolute paths."""
    files = [
        [file.scope, file.relative, file.split, file.size_bytes, file.footer_sha256]
        for file in job.source.files
    ]
    image_root = job.source.image_root  # absolute: the manifest must not name it
    return {
        "writer_version": WRITER_VERSION,
        "formats": list(job.formats),
        "task": job.source.task,
        "layout": asdict(job.source.layout),
        "classes": job.source.names,
        "sampling": asdict(asked),
        "rows_per_shard": rows_per_shard,
        "images": job.images,
        "sharing": job.sharing and sha256(job.sharing.to_root.encode()).hexdigest(),
        "verify": job.verify,
        "bad_images": job.bad_images,
        "drop": sorted(job.drop),
        "prompt": job.prompt,
        "system": job.system,
        "prompt_classes": "present" if job.present_only else "all",
        "plugins": [plugin.sha256 for plugin in job.plugins],
        "image_root": image_root and sha256(image_root.encode()).hexdigest(),
        "files": sha256(orjson.dumps(files)).hexdigest(),
    }


def _do(
    run: Run,
    plan: Plan,
    job: Job,
    runner: Runner,
    on_progress: Callable[[Progress], None],
) -> None:
    """Does the units that are left."""
    pending = [unit for unit in plan.units if unit.index not in run.commits]
    records = sum(shard.records for unit in pending for shard in unit.shards)
    row_s = _ROW_S + (_IMAGE_S if job.images == "copy" else 0)
    choice = choose_runner(runner, len(pending), records * row_s)
    source = job.source.without_files()  # units name those that they read
    work = Converter(replace(job, output=run.store.url, token=run.token, source=source))
    before, units = len(run.commits), len(plan.units)
    on_progress(Progress(choice, before, before, units, run.commits.tally))
    do = run_locally if choice.kind == "local" else partial(run_on_ray, runner=runner)
    for commit in do(work, pending):
        run.commits.add(commit)
        on_progress(Progress(choice, before, len(run.commits), units, run.commits.tally))


def _check_rejects(manifest: Manifest, max_reject_ratio: float, output: str) -> None:
    counts = {"every format": manifest.records.rejected}
    counts |= {name: each.rejected for name, each in manifest.formats.items()}
    read = manifest.records.written + sum(manifest.records.rejected.values())
    for name, reasons in counts.items():
        rejected = sum(reasons.values())
        if rejected > max_reject_ratio * read:
            listed = ", ".join(f"{reason} {count:,}" for reason, count in reasons.items())
            raise RejectsError(
                f"{rejected:,} of {read:,} records were rejected for {name} ({listed}): more than "
                f"--max-reject-ratio {max_reject_ratio:g}; everything else is written, and "
                f"{public_name(output)}/rejects names each"
            )
