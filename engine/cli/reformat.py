"""`groundray reformat`."""

from typing import Annotated, Literal

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

EPILOG = "Example: groundray reformat out out-glm --format glm-4.5v"


def reformat(
    place: Annotated[
        str,
        typer.Argument(metavar="INPUT", help="A folder that `convert` wrote.", show_default=False),
    ],
    output: Annotated[str, typer.Argument(metavar="OUTPUT", help="The folder or URL to write to.")],
    formats: Formats,
    images: Annotated[
        Literal["reference", "copy"],
        typer.Option(help="Share INPUT's images, or write them again."),
    ] = "reference",
    rows_per_shard: RowsPerShard = None,
    prompt: Prompt = None,
    prompt_classes: Annotated[
        Literal["all", "present"], typer.Option(help="What {classes} names.")
    ] = "all",
    system: System = None,
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
    """Rewrite a converted folder for other formats; images are shared."""
    from groundray.engine import convert as convert_data_sets
    from groundray.engine.cli.convert import Reporter, split_names, summarise
    from groundray.engine.converted import open_converted
    from groundray.engine.runners import Runner

    names = split_names(formats)
    if not names:
        raise typer.BadParameter("see `groundray formats` for names", param_hint="--format")
    open_converted(place)  # refuses any other folder, which `convert` would take for a data set
    with LiveLine("reading keys") as line:
        reporter = Reporter(line)
        manifest = convert_data_sets(
            place,
            output,
            formats=names,
            keep_empty=True,
            images=images,
            rows_per_shard=rows_per_shard,
            prompt=prompt,
            prompt_classes=prompt_classes,
            system=system,
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
