"""Writing a report in its three formats, and reading it back."""

from __future__ import annotations

from pathlib import Path

from ondevice import files, records
from ondevice.errors import OnDeviceError
from ondevice.reporting.html import render_html
from ondevice.reporting.markdown import render_markdown
from ondevice.reporting.record import SCHEMA_VERSION, Report

JSON_FILE = "report.json"


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


def read_report(path: Path) -> Report:
    """Read a report from its JSON file.

    Raises:
        UsageError: there is no such file.
        OnDeviceError: the content is not a report, or one of another version.
    """
    value = files.read_json(path, "report")
    # Before anything else: a report of another version has other fields, and that is not what is wrong with it.
    version = value.get("schema_version", SCHEMA_VERSION) if isinstance(value, dict) else SCHEMA_VERSION
    if version != SCHEMA_VERSION:
        raise OnDeviceError(
            f"report {str(path)!r} has schema version {version}; this ondevice reads version {SCHEMA_VERSION}."
        )
    return records.from_json(Report, value, f"report {str(path)!r}")
