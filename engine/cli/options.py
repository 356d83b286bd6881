"""Options that several commands have: each is written once."""

from typing import Annotated

import typer

Formats = Annotated[
    str,
    typer.Option(
        "--format", help="Formats to write, or FILE.toml that declare one, separated by commas."
    ),
]
RowsPerShard = Annotated[
    int | None,
    typer.Option(
        help="Records that a shard aims at; by default 1000, or 10000 where images are not written."
    ),
]
Prompt = Annotated[
    str | None, typer.Option(help="User text; {classes} and {expression} are filled in.")
]
System = Annotated[str | None, typer.Option(help="System text; '' for none.")]
FormatPlugins = Annotated[
    list[str] | None, typer.Option(help="Python file that defines formats; may be repeated.")
]
BackendPlugins = Annotated[
    list[str] | None,
    typer.Option(help="Python file that defines formats or backends; may be repeated."),
]
Address = Annotated[
    str | None, typer.Option(help="Ray cluster to run on; none starts a local one.")
]
NumCpus = Annotated[int | None, typer.Option(help="CPUs of a local Ray cluster.")]
