"""The columns of the two tables, written once for Markdown, HTML and the terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ondevice.reporting.runtimes import RuntimeRow
from ondevice.reporting.summary import Row, Spread
from ondevice.units import format_bytes, format_milliseconds, format_percent, format_ratio, format_share

ABSENT = "—"
TEXT, NUMBER, VERDICT = "text", "number", "verdict"
NORMAL, WIDE = 100, 160

Value = TypeVar("Value")
Shown = TypeVar("Shown")


@dataclass(frozen=True)
class Column(Generic[Shown]):
    """One column of a table.

    Args:
        header: heading.
        kind: `"text"`, `"number"` or `"verdict"`: how it is aligned and dressed.
        cell: turns what a table row shows into the cell's text.
        explanation: what the column holds, one sentence, or empty where the heading says it.
        from_width: characters a terminal must be wide to show it.
    """

    header: str
    kind: str
    cell: Callable[[Shown], str]
    explanation: str = ""
    from_width: int = 0


@dataclass(frozen=True)
class RuntimeEntry:
    """What one row of the runtime table shows: a runtime and the model it was given."""

    row: Row
    runtime: RuntimeRow


def or_absent(value: Value | None, text: Callable[[Value], str]) -> str:
    """Return the value's text, or a dash where there is no value."""
    return ABSENT if value is None else text(value)


def format_spread(spread: Spread) -> str:
    """Format mean and deviation; the deviation of a single seed is a dash, never a zero."""
    return f"{format_metric(spread.mean)} ± {or_absent(spread.deviation, format_metric)}"


def format_metric(value: float) -> str:
    """Format a task metric with four decimals."""
    return f"{value:.4f}"


def format_change(runtime: RuntimeRow) -> str:
    """Format the change on a runtime, with its interval where there is one."""
    if runtime.change is None:
        return ABSENT
    change = format_percent(runtime.change)
    if runtime.interval is not None:
        low, high = runtime.interval
        return f"{change} [{format_percent(low)}, {format_percent(high)}]"
    return change


def main_columns(metric: str, baseline: str) -> tuple[Column[Row], ...]:
    """Return the columns of the main table, one row per variant and recipe.

    Args:
        metric: name of the metric shown.
        baseline: name of the variant that ratios and changes refer to.
    """
    full = baseline or "the baseline"
    return (
        Column("Model", TEXT, lambda row: row.variant),
        Column("Recipe", TEXT, lambda row: row.recipe, "how weights and tables are stored"),
        Column(
            "File", NUMBER, lambda row: format_bytes(row.file_bytes), "size of the file on disk, with everything in it"
        ),
        Column(
            "Smaller",
            NUMBER,
            lambda row: or_absent(row.ratio, format_ratio),
            f"size of the float32 file of {full} divided by the size of this file",
        ),
        Column(
            metric,
            NUMBER,
            lambda row: or_absent(row.reference, format_spread),
            "the float reference model on the test split: mean ± sample standard deviation over seeds",
        ),
        Column(
            "Trained",
            NUMBER,
            lambda row: or_absent(row.reference_change, format_percent),
            f"change of {metric} to {full} before conversion, both float models, paired by seed",
            from_width=NORMAL,
        ),
        Column(
            "Converted",
            NUMBER,
            lambda row: or_absent(row.converted_change, format_percent),
            "the same change with the cost of the conversion added, on the runtime where it is largest",
        ),
        Column("Verdict", VERDICT, lambda row: row.verdict, "valid, or the first check that failed and its runtime"),
        Column("Seeds", NUMBER, lambda row: str(row.seeds), "models behind the row, one per seed", from_width=WIDE),
        Column(
            "Embedding",
            NUMBER,
            lambda row: format_bytes(row.embedding_bytes),
            "bytes of the encoded embedding tables",
            from_width=WIDE,
        ),
        Column(
            "Embedding ratio",
            NUMBER,
            lambda row: format_ratio(row.embedding_ratio),
            "parameters of the full embedding table divided by those stored, whatever their number format",
            from_width=WIDE,
        ),
        Column(
            "Parameters",
            NUMBER,
            lambda row: f"{row.parameters:,}",
            "numbers the whole model stores",
            from_width=WIDE,
        ),
    )


def runtime_columns(metric: str) -> tuple[Column[RuntimeEntry], ...]:
    """Return the columns of the runtime table, one row per variant, recipe, device and runtime.

    Args:
        metric: name of the metric shown.
    """
    return (
        Column("Model", TEXT, lambda entry: entry.row.variant),
        Column("Recipe", TEXT, lambda entry: entry.row.recipe),
        Column("Runtime", TEXT, lambda entry: entry.runtime.runtime),
        Column("Device", TEXT, lambda entry: entry.runtime.device),
        Column("Verdict", VERDICT, lambda entry: entry.runtime.verdict),
        Column(
            metric,
            NUMBER,
            lambda entry: or_absent(entry.runtime.metric, format_metric),
            "the converted file on this runtime, mean over seeds",
        ),
        Column(
            "Change",
            NUMBER,
            lambda entry: format_change(entry.runtime),
            "to the file's own float reference over the same users; of several seeds the worst one's, "
            "for a single seed with the 95% bootstrap interval",
        ),
        Column(
            "Top-k overlap",
            NUMBER,
            lambda entry: or_absent(entry.runtime.overlap, format_share),
            "mean share of the reference's items that the file returns too",
        ),
        Column(
            "p50",
            NUMBER,
            lambda entry: or_absent(entry.runtime.p50_ms, format_milliseconds),
            "median latency of one call, median over seeds",
        ),
        Column(
            "p95",
            NUMBER,
            lambda entry: or_absent(entry.runtime.p95_ms, format_milliseconds),
            "95th percentile of the latency, median over seeds",
        ),
        Column(
            "Load",
            NUMBER,
            lambda entry: or_absent(entry.runtime.load_ms, format_milliseconds),
            "time to open the file and allocate its tensors, median over seeds",
        ),
        Column(
            "Memory",
            NUMBER,
            lambda entry: or_absent(entry.runtime.memory_growth_bytes, format_bytes),
            "growth of the peak resident memory from before loading, median over seeds",
        ),
    )


def runtime_entries(rows: tuple[Row, ...]) -> tuple[RuntimeEntry, ...]:
    """Return the rows of the runtime table."""
    return tuple(RuntimeEntry(row, runtime) for row in rows for runtime in row.runtimes)
