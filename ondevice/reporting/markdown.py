"""A report as Markdown, for repositories and pull requests; the plot lives in the HTML report."""

from __future__ import annotations

import re
from typing import Any

from markupsafe import Markup

from ondevice.errors import escaped
from ondevice.reporting.html import environment, shown
from ondevice.reporting.record import Report

_ESCAPES = str.maketrans(
    {"\\": "\\\\", "&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "\\|", "*": "\\*", "`": "\\`", "[": "\\["}
)


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
    return value if isinstance(value, Markup) else Markup(escaped(" ".join(str(value).split())).translate(_ESCAPES))


def _code(text: str) -> Markup:
    line = escaped(" ".join(text.split()))
    # A fence may hold every run of backquotes that is shorter than itself.
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    return Markup(f"{fence}{line}{fence}" if fence == "`" else f"{fence} {line} {fence}")
