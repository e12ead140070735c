"""A report as Markdown, for repositories and pull requests; the plot lives in the HTML report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ondevice.reporting.columns import NUMBER, Column, Shown, main_columns
from ondevice.reporting.places import describe_machine
from ondevice.reporting.record import Report
from ondevice.reporting.runtime_columns import RuntimeTable, explained_columns, runtime_tables
from ondevice.reporting.statements import Note, conclusion, failures, measurement_statements, skipped_tables
from ondevice.reporting.summary import summarize

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "\\|", "*": "\\*", "`": "\\`", "[": "\\["})


def render_markdown(report: Report) -> str:
    """Render a report as GitHub-flavoured Markdown."""
    rows = summarize(report)
    main = main_columns(report.metric, report.baseline)
    sections = [
        f"# {_plain(report.title)}",
        f"**{_plain(conclusion(report, rows))}**",
        "## What ran where",
        _bullets(_facts(report)),
        "## Size and accuracy",
        _table(main, rows),
        "## Runtimes",
        _devices(runtime_tables(report, rows)),
        "## Failures",
        _notes(failures(report), "Nothing failed."),
        "## Tables the recipe left alone",
        _notes(skipped_tables(report), "None: every table is stored as its recipe says."),
        "## How to read the columns",
        _explanations(main, "Size and accuracy"),
        _explanations(explained_columns(report, rows), "Runtimes"),
    ]
    return "\n\n".join(sections) + "\n"


def _facts(report: Report) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(report.versions.items()))
    return [
        f"Data: {_plain(report.dataset)}: {_plain(report.dataset_summary)}",
        f"Machine: {_plain(describe_machine(report.machine))}",
        f"Versions: {_plain(versions)}",
        f"Command: {_code(report.command)}",
        f"Written: {_plain(report.created)}",
        *(_plain(statement) for statement in measurement_statements(report)),
    ]


def _devices(tables: tuple[RuntimeTable, ...]) -> str:
    parts = (f"### {_plain(table.device)}\n\n{_table(table.columns, table.entries)}" for table in tables)
    return "\n\n".join(parts) or "No runtime was tried."


def _table(columns: tuple[Column[Shown], ...], rows: Sequence[Shown]) -> str:
    lines = [_line(_plain(column.header) for column in columns)]
    lines.append(_line("---:" if column.kind == NUMBER else "---" for column in columns))
    lines.extend(_line(_plain(column.cell(row)) for column in columns) for row in rows)
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _notes(notes: tuple[Note, ...], otherwise: str) -> str:
    return _bullets([f"{_plain(note.subject)}: {_plain(note.text)}" for note in notes]) if notes else otherwise


def _explanations(columns: tuple[Column[Shown], ...], table: str) -> str:
    explained = [f"**{_plain(c.header)}**: {_plain(c.explanation)}." for c in columns if c.explanation]
    return f"{table}:\n\n{_bullets(explained)}"


def _bullets(lines: list[str]) -> str:
    return "\n".join(f"* {line}" for line in lines)


def _plain(text: str) -> str:
    """Text that Markdown shows as it is: names come from users, messages from runtimes."""
    return " ".join(text.split()).translate(_ESCAPES)


def _code(text: str) -> str:
    # A fence of two backquotes may hold single ones.
    return f"`` {' '.join(text.split())} ``" if "`" in text else f"`{' '.join(text.split())}`"
