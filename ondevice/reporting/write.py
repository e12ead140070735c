"""Writing a report in its three formats, and reading it back."""

from __future__ import annotations

from pathlib import Path

from ondevice import files, records
from ondevice.errors import OnDeviceError
from ondevice.reporting.html import render_html
from ondevice.reporting.markdown import render_markdown
from ondevice.reporting.record import SCHEMA_VERSION, Report

MARKDOWN_FILE = "report.md"
JSON_FILE = "report.json"
HTML_FILE = "report.html"


def write_report(report: Report, folder: Path) -> None:
    """Write `report.md`, `report.json` and `report.html`, each whole or not at all.

    Args:
        report: what to write.
        folder: where to; made if it does not exist, files of these names in it are replaced.
    """
    # Everything is rendered before anything is written, so that an error leaves the old report complete.
    markdown, html = render_markdown(report), render_html(report)
    records.write(folder / JSON_FILE, report)
    files.write_text(folder / MARKDOWN_FILE, markdown)
    files.write_text(folder / HTML_FILE, html)


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
