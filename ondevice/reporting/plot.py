"""The size/accuracy plot as SVG: deterministic, without a global state of matplotlib's."""

from __future__ import annotations

import io
import statistics
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from ondevice.reporting.labels import Box, place_labels
from ondevice.reporting.record import Report
from ondevice.reporting.runtimes import widest_quality
from ondevice.reporting.summary import BASELINE_RECIPE, Row, summarize

# Legible on white and on near-black, and told apart by most colour-blind readers.
COLOURS = ("#0f83d6", "#d9631e", "#139f77", "#c45f9b", "#a08a00", "#7d6ad8", "#c2454a", "#5b8f22")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
# A stand-in that no palette uses; the finished SVG takes the colour of the text around it instead.
INK = "#010203"
GREY = "#8a8f98"
MARKER_PX = 10.0
LINE_PX = 2.0
CROWD = 12
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
    if not rows:
        return ""
    # The settings are needed while drawing only; the context restores what the caller had.
    with matplotlib.rc_context(SETTINGS):
        figure = _draw(report, rows)
        buffer = io.StringIO()
        nothing: dict[str, Any] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :].replace(INK, "currentColor")


def _draw(report: Report, rows: list[Row]) -> Any:
    figure = Figure(figsize=(8.6, 4.8), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    variants = list(dict.fromkeys(model.variant for model in report.models))
    recipes = list(dict.fromkeys(model.manifest.recipe for model in report.models))
    colours = [COLOURS[variants.index(row.variant) % len(COLOURS)] for row in rows]
    markers = [MARKERS[recipes.index(row.recipe) % len(MARKERS)] for row in rows]
    baseline = _baseline_metric(report)
    _scale(axes, rows, baseline)
    drawn = [] if baseline is None else _line(axes, baseline, f"{report.baseline}, float reference")
    for row, colour, marker in zip(rows, colours, markers, strict=True):
        _mark(axes, row, colour, marker)
    _dress(axes, report)
    _legend(axes, recipes)
    # Places are found in pixels, which are final only after a first layout.
    figure.canvas.draw()
    figure.set_layout_engine("none")
    _names(axes, rows, colours, drawn)
    return figure


def _line(axes: Any, metric: float, words: str) -> list[Any]:
    line = axes.axhline(metric, color=GREY, linewidth=1, linestyle=(0, (5, 4)), zorder=1)
    text = axes.annotate(
        words,
        (0.01, metric),
        xycoords=axes.get_yaxis_transform(),
        xytext=(0, 3),
        textcoords="offset points",
        color=GREY,
        fontsize=FONT_PT,
        parse_math=False,
    )
    return [line, text]


def _mark(axes: Any, row: Row, colour: str, marker: str) -> None:
    x, y = _point(row)
    axes.errorbar(
        x,
        y,
        yerr=row.converted.deviation if row.converted else None,
        color=colour,
        marker=marker,
        markerfacecolor=colour if row.valid else "none",
        markersize=7,
        linewidth=1.2,
        capsize=3,
        linestyle="none",
        zorder=3,
    )


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


def _scale(axes: Any, rows: list[Row], baseline: float | None) -> None:
    sizes = [_point(row)[0] for row in rows]
    spreads = [row.converted for row in rows if row.converted is not None]
    ends = [spread.mean + sign * (spread.deviation or 0.0) for spread in spreads for sign in (-1, 1)]
    ends += [] if baseline is None else [baseline]
    margin = (max(ends) - min(ends)) * 0.14 or abs(max(ends)) * 0.05 or 0.01
    axes.set_xscale("log")
    axes.set_xlim(min(sizes) / 1.7, max(sizes) * 1.9)
    axes.set_ylim(min(ends) - margin, max(ends) + margin)
    axes.xaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())


def _dress(axes: Any, report: Report) -> None:
    axes.set_xlabel("File size (MB, logarithmic)", color=INK, fontsize=FONT_PT + 1)
    axes.set_ylabel(f"{report.metric} of the converted file", color=INK, fontsize=FONT_PT + 1, parse_math=False)
    axes.tick_params(colors=INK, labelsize=FONT_PT)
    axes.grid(visible=True, color=GREY, alpha=0.25, linewidth=0.7)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(GREY)


def _legend(axes: Any, recipes: list[str]) -> None:
    handles = [
        Line2D([], [], color=GREY, marker=MARKERS[index % len(MARKERS)], linestyle="none", label=f"recipe {recipe}")
        for index, recipe in enumerate(recipes)
    ]
    legend = axes.figure.legend(
        handles=handles, loc="outside upper left", ncols=4, frameon=False, fontsize=FONT_PT, labelcolor=INK
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _names(axes: Any, rows: list[Row], colours: list[str], drawn: list[Any]) -> None:
    renderer = axes.figure.canvas.get_renderer()
    named = _named(rows)
    points = [_point(row) for row in named]
    pixels = [(float(x), float(y)) for x, y in axes.transData.transform(points)]
    # Names come from users: a dollar sign in one must not start a formula.
    texts = [
        axes.text(*point, row.variant, color=colours[rows.index(row)], fontsize=FONT_PT, parse_math=False)
        for row, point in zip(named, points, strict=True)
    ]
    obstacles = [box for row in rows for box in _marker_boxes(axes, row)]
    obstacles += [_box(artist, renderer) for artist in drawn]
    sizes = [(box.width, box.height) for box in (_box(text, renderer) for text in texts)]
    boxes = place_labels(pixels, sizes, obstacles, _box(axes, renderer))
    # Back to data coordinates: the SVG is drawn with another resolution than the one measured in.
    to_data = axes.transData.inverted()
    for text, box in zip(texts, boxes, strict=True):
        text.set_position(to_data.transform((box.left, box.bottom + box.height / 2)))
        text.set(horizontalalignment="left", verticalalignment="center")


def _named(rows: list[Row]) -> list[Row]:
    """Every point, or in a crowd only the largest file of each variant, whose colour tells the others."""
    variants = {row.variant for row in rows}
    if len(rows) <= CROWD or len(variants) > len(COLOURS):
        return rows
    return [
        max((row for row in rows if row.variant == name), key=lambda row: row.file_bytes) for name in sorted(variants)
    ]


def _marker_boxes(axes: Any, row: Row) -> list[Box]:
    """The rectangles of a marker and of its bar."""
    (x, y), deviation = _point(row), (row.converted.deviation if row.converted else None) or 0.0
    (left, low), (_, middle), (_, high) = axes.transData.transform([(x, y - deviation), (x, y), (x, y + deviation)])
    half = MARKER_PX / 2
    bar = Box(float(left) - LINE_PX, float(low) - LINE_PX, 2 * LINE_PX, float(high - low) + 2 * LINE_PX)
    return [Box(float(left) - half, float(middle) - half, MARKER_PX, MARKER_PX), bar]


def _box(artist: Any, renderer: Any) -> Box:
    extent = artist.get_window_extent(renderer)
    # A line has no width or height of its own, so nothing would ever overlap it.
    width, height = max(float(extent.width), LINE_PX), max(float(extent.height), LINE_PX)
    return Box(float(extent.x0), float(extent.y0), width, height)
