"""Writing a report in its three formats."""

from __future__ import annotations

from pathlib import Path

from ondevice import files, records
from ondevice.reporting.html import render_html
from ondevice.reporting.markdown import render_markdown
from ondevice.reporting.record import Report


def write_report(report: Report, folder: Path) -> None:
    """Write `report.md`, `report.json` and `report.html`, each whole or not at all.

    Args:
        report: what to write.
        folder: where to; made if it does not exist, files of these names in it are replaced.
    """
    # Everything is rendered before anything is written, so that an error leaves the old report complete.
    write_formats(folder, "report", report, render_markdown(report), render_html(report))


def write_formats(folder: Path, name: str, record: object, markdown: str, html: str) -> None:
    """Write the three formats of a report, each whole or not at all.

    Args:
        folder: where to; made if it does not exist, files of these names in it are replaced.
        name: name of the files without what tells the format.
        record: the raw record.
        markdown: the record rendered as Markdown.
        html: the record rendered as HTML.
    """
    records.write(folder / f"{name}.json", record)
    files.write_text(folder / f"{name}.md", markdown)
    files.write_text(folder / f"{name}.html", html)
