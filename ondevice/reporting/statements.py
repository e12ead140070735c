"""The sentences of a report: what it concludes, what was measured where, what failed and what was skipped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ondevice.devices.measurement import STATUSES
from ondevice.reporting.places import device_statements
from ondevice.reporting.record import ModelRecord, Report
from ondevice.reporting.summary import BASELINE_RECIPE, Row, baseline_file_bytes
from ondevice.units import format_bytes, format_percent, format_ratio
from ondevice.validation.record import RuntimeResult

LOSS_ALLOWED = 0.05


@dataclass(frozen=True)
class Note:
    """One sentence about some models.

    Args:
        subject: what it is about: variant, recipe, seeds and runtime or table.
        text: the sentence.
    """

    subject: str
    text: str


def conclusion(report: Report, rows: tuple[Row, ...], loss_allowed: float = LOSS_ALLOWED) -> str:
    """Say in one sentence which valid file is the smallest that keeps the loss within bounds.

    Args:
        report: the raw records.
        rows: the same, aggregated.
        loss_allowed: largest relative loss of the converted file to the baseline, as a fraction.
    """
    allowed, metric = f"{100 * loss_allowed:g}%", report.metric
    if baseline_file_bytes(report) is None:
        return f"No ratio can be given: the report holds no {BASELINE_RECIPE} file of the {_baseline(report)}."
    compressed = [row for row in rows if (row.variant, row.recipe) != (report.baseline, BASELINE_RECIPE)]
    if not compressed:
        return f"There is nothing to compare: the report holds only the {BASELINE_RECIPE} file of the baseline."
    valid = [row for row in compressed if row.valid and row.converted_change is not None]
    if not valid:
        return f"No compressed file is valid on every runtime with {metric} measured."
    within = [row for row in valid if (row.converted_change or 0.0) >= -loss_allowed]
    if not within:
        best = max(valid, key=lambda row: row.converted_change or 0.0)
        return f"No valid compressed file loses at most {allowed} {metric}; the nearest: {_claim(report, best)}."
    best = min(within, key=lambda row: (row.file_bytes, -(row.converted_change or 0.0)))
    return f"{_claim(report, best)}, the smallest valid file that loses at most {allowed}."


def measurement_statements(report: Report) -> tuple[str, ...]:
    """Say what the sizes, metrics and costs are, and on which devices they were measured."""
    return (
        *report.remarks,
        "Sizes are those of the models, without the vocabulary that a file carries; 1 MB is 1,000,000 bytes.",
        _metric_statement(report),
        *device_statements(report),
        *_comparison_statements(report),
    )


def failures(report: Report) -> tuple[Note, ...]:
    """Return everything that does not hold; the same failure of several seeds or devices is said once."""
    return _grouped(
        (model, result.measurement.runtime, result.measurement.device, text)
        for model in report.models
        for result in model.results
        for text in _failures(result)
    )


def skipped_tables(report: Report) -> tuple[Note, ...]:
    """Return the tables that the recipe's scheme was not used for, with the reason."""
    return _grouped(
        (model, f"table {name} {list(table.shape)}", "", f"stored as {table.scheme}: {table.reason}")
        for model in report.models
        for name, table in model.manifest.tables.items()
        if table.reason
    )


def _baseline(report: Report) -> str:
    return f"baseline {report.baseline}".strip()


def _claim(report: Report, row: Row) -> str:
    size = format_bytes(row.file_bytes)
    if row.ratio is not None:
        comparison = f"is {format_ratio(row.ratio)} smaller than" if row.ratio >= 1 else "is larger than"
        size = f"({size}) {comparison} {report.baseline} {BASELINE_RECIPE}"
    change = format_percent(row.converted_change or 0.0)
    seeds = "one seed" if row.seeds == 1 else f"mean of {row.seeds} seeds"
    return f"{row.variant} {row.recipe} {size} at {change} {report.metric} ({seeds})"


def _metric_statement(report: Report) -> str:
    users: dict[str, set[int]] = {}
    examples = report.task.examples
    for model in report.models:
        for result in model.results:
            if result.quality is not None and result.quality.metric == report.metric:
                users.setdefault(result.measurement.device, set()).add(result.quality.users)
    if not users:
        return "The metric of the converted files was not measured."
    spans = {device: _span(counts) for device, counts in users.items()}
    if len(set(spans.values())) == 1:
        where = f"{next(iter(spans.values()))} {examples}"
    else:
        where = " and ".join(f"{span} {examples} on {device}" for device, span in spans.items())
    return f"{report.metric} of a converted file is measured on {where}, its reference on the same {examples}."


def _span(counts: set[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _comparison_statements(report: Report) -> tuple[str, ...]:
    compared = {(m.manifest.recipe, m.variant): None for m in report.models if m.manifest.comparison}
    return tuple(
        f"{recipe} is what TensorFlow's own converter makes of {variant} with Optimize.DEFAULT; it is there to "
        "compare with, and nothing was proven of it before it was written."
        for recipe, variant in compared
    )


def _failures(result: RuntimeResult) -> list[str]:
    measurement = result.measurement
    failed = [failure for failure in result.failures if measurement.ok or failure.check != "runtime"]
    fate = [] if measurement.ok else [f"{measurement.status} ({STATUSES[measurement.status]}): {measurement.message}"]
    return fate + [f"{failure.check}: {failure.message}" for failure in failed]


def _grouped(notes: Iterable[tuple[ModelRecord, str, str, str]]) -> tuple[Note, ...]:
    """Group notes of a model, what they are about, the device and the sentence: first over seeds, then over devices."""
    seeds: dict[tuple[str, str, str, str], list[int]] = {}
    for model, what, device, text in notes:
        key = (f"{model.variant} {model.manifest.recipe}", what, device, " ".join(text.split()))
        seeds.setdefault(key, []).append(model.manifest.training.seed)
    devices: dict[tuple[str, str, str, str], list[str]] = {}
    for (name, what, device, text), found in seeds.items():
        devices.setdefault((name, _seeds(found), what, text), []).append(device)
    return tuple(
        Note(f"{name}, {of_seeds}, {what}" + (f" on {' and '.join(found)}" if any(found) else ""), text)
        for (name, of_seeds, what, text), found in devices.items()
    )


def _seeds(seeds: list[int]) -> str:
    distinct = sorted(set(seeds))
    return f"{'seed' if len(distinct) == 1 else 'seeds'} {', '.join(str(seed) for seed in distinct)}"
