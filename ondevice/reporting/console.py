"""Tables of reports for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ondevice.errors import escaped
from ondevice.reporting.columns import NUMBER, TEXT, VERDICT, Column, Shown, main_columns
from ondevice.reporting.record import Report
from ondevice.reporting.runtimes import VALID, undecided
from ondevice.reporting.statements import conclusion
from ondevice.reporting.summary import summarize
from ondevice.reporting.sweep.record import Sweep
from ondevice.reporting.sweep.tables import conclusion as sweep_conclusion
from ondevice.reporting.sweep.tables import sweep_columns, sweep_rows

SHORT = 16


def print_table(report: Report, console: Console) -> None:
    """Print what the data are, the conclusion and the main table, as many columns as the terminal has room for.

    Args:
        report: what to print.
        console: where to; colours are left out where it is no terminal.
    """
    rows = summarize(report)
    console.print(Text(escaped(f"Data: {report.dataset_summary}")), soft_wrap=True)
    _print(console, main_columns(report.metric, report.baseline), rows)
    console.print(Text(escaped(conclusion(report, rows))), soft_wrap=True)


def print_sweep(sweep: Sweep, console: Console, folder: Path) -> None:
    """Print the conclusion, one line per model and ratio, and where the report is.

    Args:
        sweep: what to print.
        console: where to.
        folder: folder of the report.
    """
    _print(console, sweep_columns(sweep), sweep_rows(sweep))
    console.print(Text(escaped(sweep_conclusion(sweep))), soft_wrap=True)
    if sweep.missing:
        console.print(f"{sweep.missing} trainings of the plan are not done yet.", soft_wrap=True)
    console.print(f"\nReport: {folder / 'sweep.html'} (also sweep.md and sweep.json)", soft_wrap=True)


def _print(console: Console, columns: Sequence[Column[Shown]], rows: Sequence[Shown]) -> None:
    shown = [column for column in columns if console.width >= column.from_width]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for column in shown:
        # A number cut in two would be read as another number; long words may be folded, the verdict's before short
        # names.
        number = column.kind == NUMBER
        widest = max((len(column.cell(row)) for row in rows), default=0)
        table.add_column(
            Text(column.header),
            justify="right" if number else "left",
            no_wrap=number or (column.kind == TEXT and widest <= SHORT),
            overflow="ellipsis" if number else "fold",
        )
    for row in rows:
        # `Text` and not a string: a bracket in a name is no markup.
        table.add_row(
            *(Text(cell, _style(column.kind, cell)) for column in shown for cell in [escaped(column.cell(row))])
        )
    console.print(table)


def _style(kind: str, cell: str) -> str:
    if kind != VERDICT:
        return ""
    return "green" if cell == VALID else "yellow" if undecided(cell) else "red"
