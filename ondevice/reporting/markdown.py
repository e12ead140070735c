"""A report as Markdown, for repositories and pull requests; the plot lives in the HTML report."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from ondevice.reporting.html import environment, shown
from ondevice.reporting.record import Report

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "\\|", "*": "\\*", "`": "\\`", "[": "\\["})


def render_markdown(report: Report) -> str:
    """Render a report as GitHub-flavoured Markdown."""
    return as_markdown("report.md.j2", shown(report))


def as_markdown(template: str, values: dict[str, Any]) -> str:
    """Render a template; all values are shown as they are: names come from users, messages from runtimes."""
    markdown = environment(finalize=_plain)
    markdown.filters["code"] = _code
    return markdown.get_template(template).render(values).rstrip("\n") + "\n"


def _plain(value: object) -> Markup:
    # What macros give is Markdown already.
    return value if isinstance(value, Markup) else Markup(" ".join(str(value).split()).translate(_ESCAPES))


def _code(text: str) -> Markup:
    # A fence of two backquotes may hold single ones.
    return Markup(f"`` {' '.join(text.split())} ``" if "`" in text else f"`{' '.join(text.split())}`")
