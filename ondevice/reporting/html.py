"""A report as one HTML file that needs nothing else: styles and plot are inside, scripts and network are not."""

from __future__ import annotations

from pathlib import Path

import jinja2
from markupsafe import Markup

from ondevice import units
from ondevice.bundle import MODEL_FILE
from ondevice.manifest import UNKNOWN_RUNTIME
from ondevice.reporting.columns import ABSENT, format_metric, main_columns
from ondevice.reporting.encoding import encoding_sections, worst_columns
from ondevice.reporting.places import describe_machine
from ondevice.reporting.plot import size_accuracy_svg
from ondevice.reporting.popularity import popularity_columns, popularity_rows
from ondevice.reporting.record import ModelRecord, Report
from ondevice.reporting.runtime_columns import explained_columns, runtime_tables
from ondevice.reporting.runtimes import VALID, result_verdict, undecided
from ondevice.reporting.statements import conclusion, failures, measurement_statements, skipped_tables
from ondevice.reporting.summary import Row, summarize

TEMPLATE = "report.html.j2"


def render_html(report: Report) -> str:
    """Render a report as one self-contained HTML page."""
    rows = summarize(report)
    return (
        environment()
        .get_template(TEMPLATE)
        .render(
            report=report,
            conclusion=conclusion(report, rows),
            # The only markup that is not escaped: matplotlib escaped the names inside it.
            plot=Markup(size_accuracy_svg(report)),
            main=(main_columns(report.metric, report.baseline), rows),
            popularity=(popularity_columns(report), popularity_rows(report)),
            runtimes=runtime_tables(report, rows),
            explained=explained_columns(report, rows),
            encoded=encoding_sections(report),
            worst=worst_columns(),
            failures=failures(report),
            skipped=skipped_tables(report),
            machine=describe_machine(report.machine),
            statements=measurement_statements(report),
            models=_in_order(report, rows),
        )
    )


def environment() -> jinja2.Environment:
    """Return what renders the templates."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    # Names come from users and messages from runtimes; a misspelt field is an error, not an empty cell.
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        bytes=units.format_bytes,
        ratio=units.format_ratio,
        milliseconds=units.format_milliseconds,
        count=units.format_count,
        percent=units.format_percent,
        share=units.format_share,
        metric=format_metric,
        badge=_badge,
        result_verdict=result_verdict,
    )
    environment.globals.update(absent=ABSENT, model_file=MODEL_FILE, unknown=UNKNOWN_RUNTIME)
    return environment


def _badge(verdict: str) -> str:
    """The CSS class of a verdict."""
    if verdict == VALID:
        return "good"
    return "neutral" if undecided(verdict) else "bad"


def _in_order(report: Report, rows: tuple[Row, ...]) -> list[ModelRecord]:
    """The models in the order of the main table, by seed within a row."""
    places = {(row.variant, row.recipe): place for place, row in enumerate(rows)}
    return sorted(
        report.models, key=lambda model: (places[model.variant, model.manifest.recipe], model.manifest.training.seed)
    )
