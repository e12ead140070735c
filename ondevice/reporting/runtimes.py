"""One row per device runtime of a variant and recipe: what it made of the files of all seeds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from ondevice.reporting.record import ModelRecord
from ondevice.validation.record import Quality, RuntimeResult

VALID = "valid"
# Nothing is known of the file, so nothing is wrong with it.
_UNDECIDED = ("not run", "missing", "device failed")


@dataclass(frozen=True)
class RuntimeRow:
    """What one runtime of one device made of one variant and recipe.

    Costs and metrics are absent where the runtime gave none: a runtime that refused a file has no latency, and a
    device whose clock counts instructions has no milliseconds.

    Args:
        device: name of the device.
        runtime: name of the runtime.
        seeds: number of files it was given, one per seed.
        metric: metric of the converted file, mean over seeds.
        users: number of users it was measured on, of several seeds the smallest.
        change: relative change of the metric to the reference model over the same users; the worst seed's.
        interval: 95 % interval of `change`, kept for a single seed only.
        overlap: mean share of the reference's items that the file returns too.
        p50_ms: median latency in milliseconds, median over seeds.
        p95_ms: 95th percentile of the latency in milliseconds, median over seeds.
        instructions: instructions of one inference, median over seeds.
        load_ms: milliseconds to open the file and allocate its tensors, median over seeds.
        load_instructions: instructions of the same.
        memory_growth_bytes: growth of the peak resident memory, median over seeds.
        mapped_growth_bytes: the part of it that is the mapped file, median over seeds; 0 where it was not mapped.
        verdict: `"valid"`, or the first failing check and, if not all seeds fail, how many do.
    """

    device: str
    runtime: str
    seeds: int
    metric: float | None
    users: int | None
    change: float | None
    interval: tuple[float, float] | None
    overlap: float | None
    p50_ms: float | None
    p95_ms: float | None
    instructions: int | None
    load_ms: float | None
    load_instructions: int | None
    memory_growth_bytes: int | None
    mapped_growth_bytes: int | None
    verdict: str


def usable_quality(model: ModelRecord, metric: str) -> list[Quality]:
    """Return the results for one metric on every device and runtime that gave an answer."""
    found = [result.quality for result in model.results if result.quality is not None]
    return [quality for quality in found if quality.metric == metric]


def widest_quality(model: ModelRecord, metric: str) -> list[Quality]:
    """Return those of the results that were measured on the most users.

    A device that answered for fewer users has a metric of its own, which cannot be compared with that of more users:
    only its relative change can.
    """
    found = usable_quality(model, metric)
    most = max((quality.users for quality in found), default=0)
    return [quality for quality in found if quality.users == most]


def runtime_rows(models: list[ModelRecord], metric: str) -> tuple[RuntimeRow, ...]:
    """Aggregate the validations of one variant and recipe over seeds, by device and runtime.

    Args:
        models: the models of one variant and recipe in order of their seeds.
        metric: name of the metric to show.
    """
    groups: dict[tuple[str, str], list[RuntimeResult]] = {}
    for model in models:
        for result in model.results:
            groups.setdefault((result.measurement.device, result.measurement.runtime), []).append(result)
    return tuple(_row(results, metric) for results in groups.values())


def result_verdict(result: RuntimeResult) -> str:
    """Return `"valid"`, else what came first: the runtime's fate, or the check that failed."""
    if not result.measurement.ok:
        return result.measurement.status
    return result.failures[0].check if result.failures else VALID


def undecided(verdict: str) -> bool:
    """Tell whether a verdict says that the file was not tried, and so neither that it is valid nor that it is not."""
    return verdict.startswith(_UNDECIDED)


def _row(results: list[RuntimeResult], metric: str) -> RuntimeRow:
    qualities = [r.quality for r in results if r.quality is not None and r.quality.metric == metric]
    worst = min(qualities, key=lambda quality: quality.relative_change, default=None)
    ran = [result.measurement for result in results if result.measurement.ok]
    timed, counted = ([each for each in ran if each.clock == clock] for clock in ("time", "instructions"))
    first = results[0].measurement
    return RuntimeRow(
        device=first.device,
        runtime=first.runtime,
        seeds=len(results),
        metric=statistics.fmean(quality.measured for quality in qualities) if qualities else None,
        users=min((quality.users for quality in qualities), default=None),
        change=worst.relative_change if worst else None,
        # The worst of several seeds is picked by its value, so its own interval would be too narrow a statement.
        interval=worst.interval if worst and len(results) == 1 else None,
        overlap=statistics.fmean(quality.top_k_overlap for quality in qualities) if qualities else None,
        p50_ms=_median(each.latency_ms(50) for each in timed if each.run_ns),
        p95_ms=_median(each.latency_ms(95) for each in timed if each.run_ns),
        instructions=_middle(each.instructions for each in counted if each.run_ns),
        load_ms=_median(each.load_ms for each in timed),
        load_instructions=_middle(each.load_ns for each in counted),
        memory_growth_bytes=_middle(measurement.memory_growth_bytes for measurement in ran),
        mapped_growth_bytes=_middle(measurement.mapped_growth_bytes for measurement in ran),
        verdict=_verdict(results),
    )


def _verdict(results: list[RuntimeResult]) -> str:
    failing = [verdict for result in results if (verdict := result_verdict(result)) != VALID]
    if failing and len(failing) < len(results):
        return f"{failing[0]}, {len(failing)} of {len(results)} seeds"
    return failing[0] if failing else VALID


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return statistics.median(found) if found else None


def _middle(counts: Iterable[int]) -> int | None:
    # -1 stands for "not measured": not every system tells how much memory a process took.
    found = _median(count for count in counts if count >= 0)
    return None if found is None else round(found)
