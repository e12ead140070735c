"""The plot of a sweep: compression against the change of the metric, one line per model."""

from __future__ import annotations

import io
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from ondevice.reporting.plot import COLOURS, FONT_PT, GREY, INK, MARKERS, SETTINGS
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
    if not lines:
        return ""
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(9.6, 5.6), dpi=100, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        methods = list(dict.fromkeys(variant.partition("@")[0] for variant in lines))
        orders = list(dict.fromkeys(variant.partition("@")[2] for variant in lines))
        for variant, rows in sorted(lines.items()):
            method, _, order = variant.partition("@")
            _line(axes, variant, rows, methods.index(method), orders.index(order))
        _dress(axes, sweep, sorted({row.ratio for rows in lines.values() for row in rows}))
        figure.legend(loc="outside right upper", fontsize=FONT_PT - 1, frameon=False, labelcolor=INK)
        buffer = io.StringIO()
        nothing: dict[str, Any] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :].replace(INK, "currentColor")


def _line(axes: Any, variant: str, rows: list[SweepRow], method: int, order: int) -> None:
    shown = [(row.ratio, row.comparison) for row in rows if row.comparison and row.comparison.change >= LOWEST]
    axes.errorbar(
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


def _dress(axes: Any, sweep: Sweep, ratios: list[float]) -> None:
    axes.axhline(0, color=GREY, linewidth=1)
    axes.set_xscale("log")
    axes.set_xticks(ratios)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:+.0f} %"))
    axes.set_xlabel("compression of the embedding", color=INK)
    axes.set_ylabel(f"{sweep.metric} against {sweep.baseline}", color=INK)
    axes.tick_params(colors=INK, labelsize=FONT_PT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)
