"""The main table of a report for the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ondevice.reporting.columns import NUMBER, TEXT, VERDICT, main_columns
from ondevice.reporting.record import Report
from ondevice.reporting.runtimes import VALID, undecided
from ondevice.reporting.statements import conclusion
from ondevice.reporting.summary import summarize

SHORT = 16


def print_table(report: Report, console: Console) -> None:
    """Print the conclusion and the main table, as many columns as the terminal has room for.

    Args:
        report: what to print.
        console: where to; colours are left out where it is no terminal.
    """
    rows = summarize(report)
    columns = [column for column in main_columns(report.metric, report.baseline) if console.width >= column.from_width]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for column in columns:
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
        style = {VERDICT: "green" if row.verdict == VALID else "yellow" if undecided(row.verdict) else "red"}
        # `Text` and not a string: a bracket in a name is no markup.
        table.add_row(*(Text(column.cell(row), style=style.get(column.kind, "")) for column in columns))
    console.print(table)
    console.print(Text(conclusion(report, rows)), soft_wrap=True)
