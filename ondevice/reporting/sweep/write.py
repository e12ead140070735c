"""Writing the report of a sweep as JSON, Markdown and HTML."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from ondevice.reporting.html import environment
from ondevice.reporting.markdown import bullets, code, explanations, markdown_table, plain
from ondevice.reporting.places import describe_machine
from ondevice.reporting.statements import Note
from ondevice.reporting.sweep.plot import LOWEST, sweep_svg
from ondevice.reporting.sweep.record import Sweep
from ondevice.reporting.sweep.tables import conclusion, sweep_columns, sweep_rows
from ondevice.reporting.write import write_formats
from ondevice.units import format_ratio

TEMPLATE = "sweep.html.j2"


def write_sweep(sweep: Sweep, folder: Path) -> None:
    """Write `sweep.md`, `sweep.json` and `sweep.html`, each whole or not at all.

    Args:
        sweep: what to write.
        folder: where to; files of these names in it are replaced.
    """
    # Everything is rendered before anything is written, so that an error leaves the old report complete.
    write_formats(folder, "sweep", sweep, render_markdown(sweep), render_html(sweep))


def render_markdown(sweep: Sweep) -> str:
    """Render the report of a sweep as GitHub-flavoured Markdown."""
    columns, rows = sweep_columns(sweep), sweep_rows(sweep)
    versions = ", ".join(f"{name} {version}" for name, version in sorted(sweep.versions.items()))
    refused = [f"{plain(note.subject)}: {plain(note.text)}" for note in _refused(sweep)]
    sections = [
        f"# {plain(_title(sweep))}",
        f"**{plain(conclusion(sweep))}**",
        bullets(
            [
                f"Data: {plain(sweep.dataset)}: {plain(sweep.dataset_summary)}",
                *(plain(statement) for statement in _statements(sweep)),
                f"Machine: {plain(describe_machine(sweep.machine))}",
                f"Versions: {plain(versions)}",
                f"Command: {code(sweep.command)}",
                f"Written: {plain(sweep.created)}",
            ]
        ),
        "## Models",
        markdown_table(columns, rows),
        explanations(columns, "Columns"),
        "## Not possible",
        bullets(refused) if refused else "Every method reaches every ratio.",
    ]
    return "\n\n".join(sections) + "\n"


def render_html(sweep: Sweep) -> str:
    """Render the report of a sweep as one self-contained HTML page."""
    return (
        environment()
        .get_template(TEMPLATE)
        .render(
            sweep=sweep,
            title=_title(sweep),
            conclusion=conclusion(sweep),
            statements=_statements(sweep),
            # The only markup that is not escaped: matplotlib escaped the names inside it.
            plot=Markup(sweep_svg(sweep)),
            lowest=LOWEST,
            columns=sweep_columns(sweep),
            rows=sweep_rows(sweep),
            refused=_refused(sweep),
            machine=describe_machine(sweep.machine),
        )
    )


def _title(sweep: Sweep) -> str:
    return f"Methods at equal bytes on {sweep.dataset}"


def _statements(sweep: Sweep) -> tuple[str, ...]:
    left = f"{sweep.missing} trainings of the plan are not done yet." if sweep.missing else ""
    return (*sweep.protocol, *([left] if left else []))


def _refused(sweep: Sweep) -> tuple[Note, ...]:
    return tuple(Note(f"{each.method} at {format_ratio(each.ratio)}", each.reason) for each in sweep.refused)
