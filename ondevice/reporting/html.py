"""A report as one HTML file that needs nothing else: styles and plot are inside, scripts and network are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ondevice import units
from ondevice.bundle import MODEL_FILE
from ondevice.errors import escaped
from ondevice.manifest import UNKNOWN_RUNTIME
from ondevice.reporting.columns import ABSENT, format_metric, main_columns
from ondevice.reporting.encoding import encoding_sections, worst_columns
from ondevice.reporting.places import describe_machine
from ondevice.reporting.plot import size_accuracy_svg
from ondevice.reporting.popularity import popularity_columns, popularity_rows
from ondevice.reporting.record import Report
from ondevice.reporting.runtime_columns import explained_columns, runtime_tables
from ondevice.reporting.runtimes import VALID, result_verdict, undecided
from ondevice.reporting.statements import conclusion, failures, measurement_statements, skipped_tables
from ondevice.reporting.summary import summarize


def render_html(report: Report) -> str:
    """Render a report as one self-contained HTML page."""
    # The only markup that is not escaped: matplotlib escaped the names inside it.
    plot = Markup(size_accuracy_svg(report))
    by_seed = sorted(report.models, key=lambda model: model.manifest.training.seed)
    models = [
        m for row in summarize(report) for m in by_seed if (m.variant, m.manifest.recipe) == (row.variant, row.recipe)
    ]
    return environment().get_template("report.html.j2").render(shown(report), plot=plot, models=models)


def shown(report: Report) -> dict[str, Any]:
    """Return what a report shows, in any format, by its name in the templates."""
    rows = summarize(report)
    return {
        "report": report,
        "conclusion": conclusion(report, rows),
        "main": (main_columns(report.metric, report.baseline), rows),
        "popularity": (popularity_columns(report), popularity_rows(report)),
        "runtimes": runtime_tables(report, rows),
        "explained": explained_columns(report, rows),
        "encoded": encoding_sections(report),
        "worst": worst_columns(),
        "failures": failures(report),
        "skipped": skipped_tables(report),
        "machine": describe_machine(report.machine),
        "statements": measurement_statements(report),
    }


def environment(**how: Any) -> jinja2.Environment:
    """Return what renders the templates.

    Args:
        how: further arguments of the environment.
    """
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    # Names come from users and messages from runtimes; a misspelt field is an error, not an empty cell.
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **{"finalize": _visible, **how},
    )
    formats = {name.removeprefix("format_"): form for name, form in vars(units).items() if name.startswith("format_")}
    environment.filters.update(formats, metric=format_metric, badge=_badge, result_verdict=result_verdict)
    environment.globals.update(absent=ABSENT, model_file=MODEL_FILE, unknown=UNKNOWN_RUNTIME)
    return environment


def _visible(value: object) -> object:
    """Spell out what can't be seen in a name or message, but for blanks; what is Markup already stays as it is."""
    plain = isinstance(value, str) and not isinstance(value, Markup)
    return escaped(str(value).replace("\n", " ")) if plain else value


def _badge(verdict: str) -> str:
    """The CSS class of a verdict."""
    if verdict == VALID:
        return "good"
    return "neutral" if undecided(verdict) else "bad"
