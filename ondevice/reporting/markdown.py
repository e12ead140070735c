"""A report as Markdown, for repositories and pull requests; the plot lives in the HTML report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ondevice.reporting.columns import NUMBER, Column, Shown, main_columns
from ondevice.reporting.encoding import EncodingSection, encoding_sections, worst_columns
from ondevice.reporting.places import describe_machine
from ondevice.reporting.popularity import popularity_columns, popularity_rows
from ondevice.reporting.record import Report
from ondevice.reporting.runtime_columns import RuntimeTable, explained_columns, runtime_tables
from ondevice.reporting.statements import Note, conclusion, failures, measurement_statements, skipped_tables
from ondevice.reporting.summary import summarize

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "\\|", "*": "\\*", "`": "\\`", "[": "\\["})


def render_markdown(report: Report) -> str:
    """Render a report as GitHub-flavoured Markdown."""
    rows = summarize(report)
    main = main_columns(report.metric, report.baseline)
    classes, by_popularity = popularity_columns(report), popularity_rows(report)
    encoded = encoding_sections(report)
    sections = [
        f"# {plain(report.title)}",
        f"**{plain(conclusion(report, rows))}**",
        "## What ran where",
        bullets(_facts(report)),
        "## Size and accuracy",
        markdown_table(main, rows),
        *(["## By popularity", markdown_table(classes, by_popularity)] if by_popularity else []),
        "## Runtimes",
        _devices(runtime_tables(report, rows)),
        "## Failures",
        _notes(failures(report), "Nothing failed."),
        "## Tables the recipe left alone",
        _notes(skipped_tables(report), "None: every table is stored as its recipe says."),
        *(["## What encoding the tables changes", *(_encoding(section) for section in encoded)] if encoded else []),
        "## How to read the columns",
        explanations(main, "Size and accuracy"),
        *([explanations(classes, "By popularity")] if by_popularity else []),
        explanations(explained_columns(report, rows), "Runtimes"),
        *([explanations(worst_columns(), "Ids whose vectors change most")] if encoded else []),
    ]
    return "\n\n".join(sections) + "\n"


def _facts(report: Report) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(report.versions.items()))
    return [
        f"Data: {plain(report.dataset)}: {plain(report.dataset_summary)}",
        f"Machine: {plain(describe_machine(report.machine))}",
        f"Versions: {plain(versions)}",
        f"Command: {code(report.command)}",
        f"Written: {plain(report.created)}",
        *(plain(statement) for statement in measurement_statements(report)),
    ]


def _devices(tables: tuple[RuntimeTable, ...]) -> str:
    parts = (f"### {plain(table.device)}\n\n{markdown_table(table.columns, table.entries)}" for table in tables)
    return "\n\n".join(parts) or "No runtime was tried."


def _encoding(section: EncodingSection) -> str:
    facts = bullets([plain(fact) for fact in section.facts])
    return f"### {plain(section.title)}\n\n{facts}\n\n{markdown_table(worst_columns(), section.worst)}"


def markdown_table(columns: tuple[Column[Shown], ...], rows: Sequence[Shown]) -> str:
    """Return a table, one line per row."""
    lines = [_line(plain(column.header) for column in columns)]
    lines.append(_line("---:" if column.kind == NUMBER else "---" for column in columns))
    lines.extend(_line(plain(column.cell(row)) for column in columns) for row in rows)
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _notes(notes: tuple[Note, ...], otherwise: str) -> str:
    return bullets([f"{plain(note.subject)}: {plain(note.text)}" for note in notes]) if notes else otherwise


def explanations(columns: tuple[Column[Shown], ...], table: str) -> str:
    """Return what the columns of a table hold."""
    explained = [f"**{plain(c.header)}**: {plain(c.explanation)}." for c in columns if c.explanation]
    return f"{table}:\n\n{bullets(explained)}"


def bullets(lines: list[str]) -> str:
    """Return a list, one point per line."""
    return "\n".join(f"* {line}" for line in lines)


def plain(text: str) -> str:
    """Return text that Markdown shows as it is: names come from users, messages from runtimes."""
    return " ".join(text.split()).translate(_ESCAPES)


def code(text: str) -> str:
    """Return text as code."""
    # A fence of two backquotes may hold single ones.
    return f"`` {' '.join(text.split())} ``" if "`" in text else f"`{' '.join(text.split())}`"
