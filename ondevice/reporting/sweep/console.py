"""The table of a sweep for the terminal."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ondevice.reporting.columns import NUMBER
from ondevice.reporting.sweep.record import Sweep
from ondevice.reporting.sweep.tables import conclusion, sweep_columns, sweep_rows


def print_sweep(sweep: Sweep, console: Console, folder: Path) -> None:
    """Print the conclusion, one line per model and ratio, and where the report is.

    Args:
        sweep: what to print.
        console: where to.
        folder: folder of the report.
    """
    columns = [column for column in sweep_columns(sweep) if console.width >= column.from_width]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for column in columns:
        # A number cut in two would be read as another number.
        table.add_column(Text(column.header), justify="right" if column.kind == NUMBER else "left", no_wrap=True)
    for row in sweep_rows(sweep):
        # `Text` and not a string: a bracket in a name is no markup.
        table.add_row(*(Text(column.cell(row)) for column in columns))
    console.print(table)
    console.print(Text(conclusion(sweep)), soft_wrap=True)
    if sweep.missing:
        console.print(f"{sweep.missing} trainings of the plan are not done yet.", soft_wrap=True)
    console.print(f"\nReport: {folder / 'sweep.html'} (also sweep.md and sweep.json)", soft_wrap=True)
