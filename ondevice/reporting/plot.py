"""The size/accuracy plot as SVG, and what the plots of all reports share: deterministic, no global state is left."""

from __future__ import annotations

import io
import statistics
from collections.abc import Callable
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from ondevice.errors import escaped
from ondevice.reporting.record import Report
from ondevice.reporting.runtimes import widest_quality
from ondevice.reporting.summary import BASELINE_RECIPE, Row, summarize

# Legible on white and on near-black, and told apart by most colour-blind readers.
COLOURS = ("#0f83d6", "#d9631e", "#139f77", "#c45f9b", "#a08a00", "#7d6ad8", "#c2454a", "#5b8f22")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
# A stand-in that no palette uses; the finished SVG takes the colour of the text around it instead.
INK = "#010203"
GREY = "#8a8f98"
FONT_PT = 9.0
SETTINGS = {"svg.hashsalt": "ondevice", "svg.fonttype": "none", "font.family": ["sans-serif"], "path.simplify": False}


def size_accuracy_svg(report: Report) -> str:
    """Draw file size against the metric of the converted file, one point per variant and recipe.

    The point is the mean over seeds, the bar the sample standard deviation; a hollow point was refused or found
    wrong by a runtime. The dashed line is the baseline's float reference over the same users.

    Returns:
        One `<svg>` element without prologue and metadata, empty where no runtime measured the metric.
    """
    rows = [row for row in summarize(report) if row.converted is not None]
    return svg(lambda axes: _draw(axes, report, rows)) if rows else ""


def svg(draw: Callable[[Any], list[Any]]) -> str:
    """Return one `<svg>` element without prologue and metadata.

    Args:
        draw: draws on axes and returns what the legend names, each with its label.
    """
    # The settings are needed while drawing only; the context restores what the caller had.
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(9.6, 5.2), dpi=100, layout="constrained")
        FigureCanvasAgg(figure)
        named = draw(figure.subplots())
        legend = figure.legend(
            handles=named, loc="outside right upper", fontsize=FONT_PT - 1, frameon=False, labelcolor=INK
        )
        # Names come from users: a dollar sign in one must not start a formula.
        for text in legend.get_texts():
            text.set_parse_math(False)
        buffer = io.StringIO()
        nothing: dict[str, Any] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    drawn = buffer.getvalue()
    return drawn[drawn.index("<svg") :].replace(INK, "currentColor")


def dress(axes: Any, x: str, y: str, text: Callable[[float], str]) -> None:
    """Name the axes, the horizontal one of powers, and leave out what says nothing.

    Args:
        axes: what was drawn on.
        x: name of the horizontal axis.
        y: name of the vertical axis.
        text: writes a number of the horizontal axis.
    """
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: text(value)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(x, color=INK, fontsize=FONT_PT + 1)
    axes.set_ylabel(y, color=INK, fontsize=FONT_PT + 1, parse_math=False)
    axes.tick_params(colors=INK, labelsize=FONT_PT)
    axes.grid(visible=True, color=GREY, alpha=0.25, linewidth=0.7)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(GREY)


def _draw(axes: Any, report: Report, rows: list[Row]) -> list[Any]:
    variants = list(dict.fromkeys(model.variant for model in report.models))
    recipes = list(dict.fromkeys(model.manifest.recipe for model in report.models))
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(variants)}
    # Colours repeat when there are many models; smaller points tell the second round apart.
    sizes = {name: max(7 - 2.5 * (place // len(COLOURS)), 2) for place, name in enumerate(variants)}
    markers = {name: MARKERS[place % len(MARKERS)] for place, name in enumerate(recipes)}
    for row in rows:
        axes.errorbar(
            *_point(row),
            yerr=row.converted.deviation if row.converted else None,
            color=colours[row.variant],
            marker=markers[row.recipe],
            markerfacecolor=colours[row.variant] if row.valid else "none",
            markersize=sizes[row.variant],
            linewidth=1.2,
            capsize=3,
            linestyle="none",
            zorder=3,
        )
    dress(axes, "File size (MB, logarithmic)", f"{report.metric} of the converted file", "{:g}".format)
    axes.xaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
    axes.margins(x=0.08, y=0.12)
    drawn = {row.variant for row in rows}
    named = [
        Line2D([], [], color=colours[name], marker="o", markersize=sizes[name], linestyle="none", label=escaped(name))
        for name in variants
        if name in drawn
    ]
    named += [
        Line2D([], [], color=GREY, marker=marker, linestyle="none", label=escaped(f"recipe {name}"))
        for name, marker in markers.items()
    ]
    baseline = _baseline_metric(report)
    if baseline is not None:
        words = f"{report.baseline}, float reference"
        named.append(
            axes.axhline(baseline, color=GREY, linewidth=1, linestyle=(0, (5, 4)), zorder=1, label=escaped(words))
        )
    return named


def _point(row: Row) -> tuple[float, float]:
    return row.file_bytes / 1e6, row.converted.mean if row.converted else 0.0


def _baseline_metric(report: Report) -> float | None:
    """The baseline's reference over the users that the points were measured on, else over the test split."""
    models = [model for model in report.models if model.variant == report.baseline]
    models = [model for model in models if model.manifest.recipe == BASELINE_RECIPE] or models
    measured = [quality.reference for model in models for quality in widest_quality(model, report.metric)]
    declared = [
        m.manifest.training.quality[report.metric] for m in models if report.metric in m.manifest.training.quality
    ]
    return statistics.fmean(measured or declared) if measured or declared else None
