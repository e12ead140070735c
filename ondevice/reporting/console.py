"""The main table of a report and that of a sweep for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ondevice.reporting.columns import NUMBER, TEXT, VERDICT, Column, Shown, main_columns
from ondevice.reporting.record import Report
from ondevice.reporting.runtimes import VALID, undecided
from ondevice.reporting.statements import conclusion
from ondevice.reporting.summary import summarize
from ondevice.reporting.sweep import tables as sweeps
from ondevice.reporting.sweep.record import Sweep

SHORT = 16


def print_table(report: Report, console: Console) -> None:
    """Print the conclusion and the main table, as many columns as the terminal has room for.

    Args:
        report: what to print.
        console: where to; colours are left out where it is no terminal.
    """
    rows = summarize(report)
    _print(main_columns(report.metric, report.baseline), rows, console)
    console.print(Text(conclusion(report, rows)), soft_wrap=True)


def print_sweep(sweep: Sweep, console: Console, folder: Path) -> None:
    """Print the conclusion, one line per model and ratio, and where the report is.

    Args:
        sweep: what to print.
        console: where to.
        folder: folder of the report.
    """
    _print(sweeps.sweep_columns(sweep), sweeps.sweep_rows(sweep), console, folded=False)
    console.print(Text(sweeps.conclusion(sweep)), soft_wrap=True)
    if sweep.missing:
        console.print(f"{sweep.missing} trainings of the plan are not done yet.", soft_wrap=True)
    console.print(f"\nReport: {folder / 'sweep.html'} (also sweep.md and sweep.json)", soft_wrap=True)


def _print(columns: Sequence[Column[Shown]], rows: Sequence[Shown], console: Console, *, folded: bool = True) -> None:
    columns = [column for column in columns if console.width >= column.from_width]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for column in columns:
        # A number cut in two would be read as another number; long words may be folded, the verdict's before short
        # names.
        whole = column.kind == NUMBER or not folded
        widest = max((len(column.cell(row)) for row in rows), default=0)
        table.add_column(
            Text(column.header),
            justify="right" if column.kind == NUMBER else "left",
            no_wrap=whole or (column.kind == TEXT and widest <= SHORT),
            overflow="ellipsis" if whole else "fold",
        )
    for row in rows:
        # `Text` and not a string: a bracket in a name is no markup.
        table.add_row(*(Text(text := column.cell(row), style=_style(column, text)) for column in columns))
    console.print(table)


def _style(column: Column[Shown], text: str) -> str:
    if column.kind != VERDICT:
        return ""
    return "green" if text == VALID else "yellow" if undecided(text) else "red"
