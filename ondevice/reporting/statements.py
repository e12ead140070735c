"""The sentences of a report: what it concludes, what was measured where, what failed and what was skipped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ondevice.reporting.record import ModelRecord, Report
from ondevice.reporting.runtimes import usable_quality
from ondevice.reporting.summary import BASELINE_RECIPE, Row, baseline_file_bytes
from ondevice.units import format_bytes, format_percent, format_ratio

LOSS_ALLOWED = 0.05
HOST = "host"


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
    """Say what the sizes, metrics and times are, and of which machine."""
    users = sorted({q.users for model in report.models for q in usable_quality(model, report.metric)})
    metric = "The metric of the converted files was not measured."
    if users:
        span = f"{users[0]:,}" if len(users) == 1 else f"{users[0]:,} to {users[-1]:,}"
        metric = f"{report.metric} of a converted file is measured on {span} users, its reference on the same users."
    return ("Sizes are those of the files on disk; 1 MB is 1,000,000 bytes.", metric, *_time_statements(report))


def failures(report: Report) -> tuple[Note, ...]:
    """Return everything that does not hold; the same failure of several seeds is said once."""
    return _grouped(
        (model, f"{result.measurement.runtime} on {result.measurement.device}", text)
        for model in report.models
        for result in model.validation.results
        for text in (
            [f"{failure.check}: {failure.message}" for failure in result.failures]
            or ([] if result.measurement.ok else [f"{result.measurement.status}: {result.measurement.message}"])
        )
    )


def skipped_tables(report: Report) -> tuple[Note, ...]:
    """Return the tables that the recipe's scheme was not used for, with the reason."""
    return _grouped(
        (model, f"table {table.name} {list(table.shape)}", f"stored as {table.scheme}: {table.reason}")
        for model in report.models
        for table in model.manifest.embedding.tables
        if table.reason
    )


def describe_machine(machine: dict[str, str]) -> str:
    """Describe a machine in one line, e.g. `'AMD EPYC, Linux x86_64, 2 cores'`."""
    known = [machine.get("processor", ""), machine.get("system", "")]
    known.append(f"{machine['cores']} cores" if "cores" in machine else "")
    rest = [f"{key} {value}" for key, value in sorted(machine.items()) if key not in ("processor", "system", "cores")]
    return ", ".join(part for part in (*known, *rest) if part) or "a machine that was not recorded"


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


def _time_statements(report: Report) -> tuple[str, ...]:
    ran: dict[tuple[str, str], set[int]] = {}
    for model in report.models:
        for result in model.validation.results:
            if result.measurement.ok:
                where = (result.measurement.device, describe_machine(model.validation.machine))
                ran.setdefault(where, set()).add(result.measurement.threads)
    if not ran:
        return ("No runtime ran a file: there are no times and no memory figures.",)
    return tuple(_time_statement(device, machine, threads) for (device, machine), threads in sorted(ran.items()))


def _time_statement(device: str, machine: str, threads: set[int]) -> str:
    number = " or ".join(str(count) for count in sorted(threads))
    with_threads = "one thread" if threads == {1} else f"{number} threads"
    if device == HOST:
        return (
            f"Latency, load time and memory were measured on the host's CPU ({machine}), {with_threads}; "
            "they are not phone milliseconds."
        )
    return (
        f"Latency, load time and memory on {device} were measured there, {with_threads}, driven from {machine}; "
        "if that device is emulated, its times compare files with each other and are not phone milliseconds."
    )


def _grouped(notes: Iterable[tuple[ModelRecord, str, str]]) -> tuple[Note, ...]:
    seeds: dict[tuple[str, str, str, str], list[int]] = {}
    for model, where, text in notes:
        sentence = " ".join(text.split())
        key = (model.variant, model.manifest.recipe, where, sentence)
        seeds.setdefault(key, []).append(model.manifest.seed)
    return tuple(
        Note(f"{variant} {recipe}, {_seeds(found)}, {where}", text)
        for (variant, recipe, where, text), found in seeds.items()
    )


def _seeds(seeds: list[int]) -> str:
    distinct = sorted(set(seeds))
    return f"{'seed' if len(distinct) == 1 else 'seeds'} {', '.join(str(seed) for seed in distinct)}"
