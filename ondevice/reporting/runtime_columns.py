"""The tables of what the runtimes made of the files, one per device, written once for Markdown and HTML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ondevice.reporting.columns import ABSENT, NUMBER, TEXT, VERDICT, Column, format_metric, or_absent
from ondevice.reporting.record import Report
from ondevice.reporting.runtimes import RuntimeRow
from ondevice.reporting.summary import BASELINE_RECIPE, Row
from ondevice.task import Task
from ondevice.units import format_bytes, format_count, format_milliseconds, format_percent, format_ratio, format_share


@dataclass(frozen=True)
class RuntimeEntry:
    """What one row of a runtime table shows.

    Args:
        row: the model.
        runtime: a runtime that was given it.
        baseline: the same runtime of the same device with the baseline's float32 file, if it was given that.
    """

    row: Row
    runtime: RuntimeRow
    baseline: RuntimeRow | None


@dataclass(frozen=True)
class RuntimeTable:
    """What the runtimes of one device made of the files; a figure that none of its rows has gets no column."""

    device: str
    columns: tuple[Column[RuntimeEntry], ...]
    entries: tuple[RuntimeEntry, ...]


def runtime_tables(report: Report, rows: tuple[Row, ...]) -> tuple[RuntimeTable, ...]:
    """Return one table per device, in each one row per variant, recipe and runtime.

    Args:
        report: the raw records.
        rows: the same, aggregated.
    """
    entries = _entries(report, rows)
    devices = dict.fromkeys(entry.runtime.device for entry in entries)
    groups = {device: tuple(entry for entry in entries if entry.runtime.device == device) for device in devices}
    return tuple(RuntimeTable(device, _filled(report, group), group) for device, group in groups.items())


def explained_columns(report: Report, rows: tuple[Row, ...]) -> tuple[Column[RuntimeEntry], ...]:
    """Return every column that the table of some device has, in order."""
    return _filled(report, _entries(report, rows))


def format_change(runtime: RuntimeRow) -> str:
    """Format the change on a runtime, with its interval where there is one."""
    if runtime.change is None:
        return ABSENT
    change = format_percent(runtime.change)
    if runtime.interval is not None:
        low, high = runtime.interval
        return f"{change} [{format_percent(low)}, {format_percent(high)}]"
    return change


def format_load(runtime: RuntimeRow) -> str:
    """Format the cost of loading in the unit that the device's clock counts."""
    if runtime.load_instructions is not None:
        return f"{format_count(runtime.load_instructions)} instr."
    return or_absent(runtime.load_ms, format_milliseconds)


def format_cost(entry: RuntimeEntry, cost: Callable[[RuntimeRow], int | None], text: Callable[[int], str]) -> str:
    """Format a cost, with how many times as much it is as that of the baseline's float32 file on the same runtime."""
    own, full = cost(entry.runtime), cost(entry.baseline) if entry.baseline is not None else None
    if own is None:
        return ABSENT
    return f"{text(own)} ({format_ratio(own / full)})" if full else text(own)


def _entries(report: Report, rows: tuple[Row, ...]) -> tuple[RuntimeEntry, ...]:
    full = {
        (runtime.device, runtime.runtime): runtime
        for row in rows
        if (row.variant, row.recipe) == (report.baseline, BASELINE_RECIPE)
        for runtime in row.runtimes
    }
    return tuple(
        RuntimeEntry(row, runtime, full.get((runtime.device, runtime.runtime)))
        for row in rows
        for runtime in row.runtimes
    )


def _filled(report: Report, entries: tuple[RuntimeEntry, ...]) -> tuple[Column[RuntimeEntry], ...]:
    columns = _columns(report.metric, report.baseline or "the baseline", report.task)
    return tuple(c for c in columns if c.kind != NUMBER or any(c.cell(entry) != ABSENT for entry in entries))


def _columns(metric: str, baseline: str, task: Task) -> tuple[Column[RuntimeEntry], ...]:
    times = f"in brackets how many times as much as for the {BASELINE_RECIPE} file of {baseline} on the same runtime"
    return (
        Column("Model", lambda entry: entry.row.variant, kind=TEXT),
        Column("Recipe", lambda entry: entry.row.recipe, kind=TEXT),
        Column("Runtime", lambda entry: entry.runtime.runtime, kind=TEXT),
        Column("Verdict", lambda entry: entry.runtime.verdict, kind=VERDICT),
        Column(
            "Change",
            lambda entry: format_change(entry.runtime),
            f"to the file's own float reference over the same {task.examples}; of several seeds the worst one's, "
            "for a single seed with the 95% bootstrap interval",
        ),
        Column(
            "p50",
            lambda entry: or_absent(entry.runtime.p50_ms, format_milliseconds),
            "median latency of one call, median over seeds",
        ),
        Column(
            "p95",
            lambda entry: or_absent(entry.runtime.p95_ms, format_milliseconds),
            "95th percentile of the latency, median over seeds",
        ),
        Column(
            "Instructions",
            lambda entry: format_cost(entry, lambda runtime: runtime.instructions, format_count),
            f"instructions of one call where the device counts them, median over seeds, {times}",
        ),
        Column(
            "Memory",
            lambda entry: format_cost(entry, lambda runtime: runtime.memory_growth_bytes, format_bytes),
            f"growth of the peak resident memory from before loading, median over seeds, {times}",
        ),
        Column(
            "of which file",
            lambda entry: or_absent(entry.runtime.mapped_growth_bytes, format_bytes),
            "the part of the memory that is the mapped file, which the system can drop and read again; 0 B where the "
            "runtime copied the file instead",
        ),
        Column(
            "Load",
            lambda entry: format_load(entry.runtime),
            "time, or instructions where the device counts them, to open the file and allocate its tensors, "
            "median over seeds",
        ),
        Column(
            metric,
            lambda entry: or_absent(entry.runtime.metric, format_metric),
            "the converted file on this runtime, mean over seeds; comparable only between rows with equally many "
            f"{task.examples}",
        ),
        Column(
            task.examples.capitalize(),
            lambda entry: or_absent(entry.runtime.users, "{:,}".format),
            f"{task.examples} behind {'change and metric' if task.one_answer else 'change, metric and overlap'}; "
            "the fewer, the less certain",
        ),
        *(() if task.one_answer else (_overlap(metric, task),)),
    )


def _overlap(metric: str, task: Task) -> Column[RuntimeEntry]:
    return Column(
        f"{'Top-k' if task.top_k else task.answer.capitalize()} overlap",
        lambda entry: or_absent(entry.runtime.overlap, format_share),
        f"mean share of the reference's {task.answer}s that the file returns too, as many as {metric} looks at",
    )
