"""The plot of a sweep: compression against the change of the metric, one line per model."""

from __future__ import annotations

from typing import Any

from matplotlib.ticker import FuncFormatter

from ondevice.reporting.plot import COLOURS, GREY, MARKERS, dress, svg
from ondevice.reporting.sweep.record import Sweep
from ondevice.reporting.sweep.tables import SweepRow, sweep_rows

LOWEST = -0.6
"""Changes below are not drawn, so that those that matter can be told apart."""


def sweep_svg(sweep: Sweep) -> str:
    """Draw one line per model over the ratios; those in the same order of ids have the same marker and line.

    Returns:
        One `<svg>` element without prologue and metadata, empty where no model is compared yet.
    """
    lines: dict[str, list[SweepRow]] = {}
    for row in sweep_rows(sweep):
        if row.comparison is not None:
            lines.setdefault(row.variant, []).append(row)
    return svg(lambda axes: _draw(axes, sweep, lines)) if lines else ""


def _draw(axes: Any, sweep: Sweep, lines: dict[str, list[SweepRow]]) -> list[Any]:
    methods = list(dict.fromkeys(variant.partition("@")[0] for variant in lines))
    orders = list(dict.fromkeys(variant.partition("@")[2] for variant in lines))
    named = []
    for variant, rows in sorted(lines.items()):
        method, _, order = variant.partition("@")
        named.append(_line(axes, variant, rows, methods.index(method), orders.index(order)))
    axes.axhline(0, color=GREY, linewidth=1)
    dress(axes, "compression of the embedding", f"{sweep.metric} against {sweep.baseline}", "{:g}x".format)
    axes.set_xticks(sorted({row.ratio for rows in lines.values() for row in rows}))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:+.0f} %"))
    return named


def _line(axes: Any, variant: str, rows: list[SweepRow], method: int, order: int) -> Any:
    shown = [(row.ratio, row.comparison) for row in rows if row.comparison and row.comparison.change >= LOWEST]
    return axes.errorbar(
        [ratio for ratio, _ in shown],
        [found.change for _, found in shown],
        [[found.change - found.low for _, found in shown], [found.high - found.change for _, found in shown]],
        color=COLOURS[method % len(COLOURS)],
        marker=MARKERS[order % len(MARKERS)],
        linestyle=("-", "--", ":", "-.")[order % 4],
        # Colours repeat when there are many methods; thinner lines tell the second round apart.
        linewidth=2.0 if method < len(COLOURS) else 1.0,
        markersize=6,
        label=variant,
    )
