"""What a column of a table is, and the columns of the main table, written once for Markdown, HTML and the terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ondevice.reporting.summary import Row, Spread
from ondevice.units import format_bytes, format_percent, format_ratio

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
        cell: turns what a table row shows into the cell's text.
        explanation: what the column holds, one sentence, or empty where the heading says it.
        kind: `"text"`, `"number"` or `"verdict"`: how it is aligned and dressed.
        from_width: characters a terminal must be wide to show it.
    """

    header: str
    cell: Callable[[Shown], str]
    explanation: str = ""
    kind: str = NUMBER
    from_width: int = 0


def or_absent(value: Value | None, text: Callable[[Value], str]) -> str:
    """Return the value's text, or a dash where there is no value."""
    return ABSENT if value is None else text(value)


def format_spread(spread: Spread) -> str:
    """Format mean and deviation; the deviation of a single seed is a dash, never a zero."""
    return f"{format_metric(spread.mean)} ± {or_absent(spread.deviation, format_metric)}"


def format_metric(value: float) -> str:
    """Format a task metric with four decimals."""
    return f"{value:.4f}"


def main_columns(metric: str, baseline: str) -> tuple[Column[Row], ...]:
    """Return the columns of the main table, one row per variant and recipe.

    Args:
        metric: name of the metric shown.
        baseline: name of the variant that ratios and changes refer to.
    """
    full = baseline or "the baseline"
    return (
        Column("Model", lambda row: row.variant, kind=TEXT),
        Column("Recipe", lambda row: row.recipe, "how weights and tables are stored", TEXT),
        Column(
            "File",
            lambda row: format_bytes(row.file_bytes),
            "size of the model, output layer included; what is appended to it is apart",
        ),
        Column(
            "Smaller",
            lambda row: or_absent(row.ratio, format_ratio),
            f"size of the float32 file of {full} divided by the size of this file",
        ),
        Column(
            metric,
            lambda row: or_absent(row.reference, format_spread),
            "the float reference model on the test split: mean ± sample standard deviation over seeds",
        ),
        Column(
            "Trained",
            lambda row: or_absent(row.reference_change, format_percent),
            f"change of {metric} to {full} before conversion, both float models, paired by seed",
            from_width=NORMAL,
        ),
        Column(
            "Converted",
            lambda row: or_absent(row.converted_change, format_percent),
            "the same change with the cost of the conversion added, on the device and runtime where it is largest",
        ),
        Column("Verdict", lambda row: row.verdict, "valid, or what failed first and on which runtime", VERDICT),
        Column("Seeds", lambda row: str(row.seeds), "models behind the row, one per seed", from_width=WIDE),
        Column(
            "Embedding",
            lambda row: format_bytes(row.embedding_bytes),
            "bytes of the encoded embedding tables",
            from_width=WIDE,
        ),
        Column(
            "Embedding ratio",
            lambda row: format_ratio(row.embedding_ratio),
            "parameters of the full embedding table divided by those stored, whatever their number format",
            from_width=WIDE,
        ),
        Column("Parameters", lambda row: f"{row.parameters:,}", "numbers the whole model stores", from_width=WIDE),
    )
