"""The preflight as a table, on stderr."""

from typing import TYPE_CHECKING

from groundray.engine.cli.tables import plain_table

if TYPE_CHECKING:
    from rich.console import Console

    from groundray.engine.training.preflight import Preflight

_PIPE_WIDTH = 160


def print_preflight(report: "Preflight", console: "Console") -> None:
    """Prints numbers by split, then errors, warnings, and what was not looked at."""
    from groundray.engine.training.preflight import summary_rows

    rows = [
        (name, *(_cell(values[split]) for split in report.splits))
        for name, values in summary_rows(report)
    ]
    right = range(1, 1 + len(report.splits))
    table = plain_table(["preflight", *report.splits], rows, right=right)
    console.print(table, width=None if console.is_terminal else _PIPE_WIDTH)
    if report.keeps_99 is not None:
        console.print(f"max_seq_len that keeps 99 % of train: {report.keeps_99:,}")
    if report.steps is not None:
        console.print(f"about {report.steps_per_epoch:,} steps an epoch, {report.steps:,} in all")
    for finding in report.findings:
        kind = "error" if finding.is_error else "warning"
        where = f"first {finding.where}" if finding.is_error else finding.where
        line = f"{kind}: {finding.code}: {finding.count:,}, {where}: {finding.detail}"
        console.print(line)
    for note in report.notes:
        console.print(f"not checked: {note}")


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
