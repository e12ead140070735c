"""Writing the report of a sweep as JSON, Markdown and HTML."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from ondevice.reporting.html import environment
from ondevice.reporting.markdown import as_markdown
from ondevice.reporting.places import describe_machine
from ondevice.reporting.sweep.plot import LOWEST, sweep_svg
from ondevice.reporting.sweep.record import Sweep
from ondevice.reporting.sweep.tables import conclusion, sweep_columns, sweep_rows
from ondevice.reporting.write import write_formats


def write_sweep(sweep: Sweep, folder: Path) -> None:
    """Write `sweep.md`, `sweep.json` and `sweep.html`, each whole or not at all.

    Args:
        sweep: what to write.
        folder: where to; files of these names in it are replaced.
    """
    left = [f"{sweep.missing} trainings of the plan are not done yet."] if sweep.missing else []
    shown = {
        "sweep": sweep,
        "title": f"Methods at equal bytes on {sweep.dataset}",
        "conclusion": conclusion(sweep),
        "statements": [*sweep.protocol, *left],
        "columns": sweep_columns(sweep),
        "rows": sweep_rows(sweep),
        "machine": describe_machine(sweep.machine),
    }
    # The only markup that is not escaped: matplotlib escaped the names inside it.
    plot = {"plot": Markup(sweep_svg(sweep)), "lowest": LOWEST}
    html = environment().get_template("sweep.html.j2").render(shown, **plot)
    # Everything is rendered before anything is written, so that an error leaves the old report complete.
    write_formats(folder, "sweep", sweep, as_markdown("sweep.md.j2", shown), html)
