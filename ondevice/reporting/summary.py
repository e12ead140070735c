"""From a report's raw samples to one row per variant and recipe; every statistic is computed here, none is stored."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from ondevice.reporting.record import ModelRecord, Report
from ondevice.reporting.runtimes import VALID, RuntimeRow, runtime_rows, usable_quality, widest_quality

BASELINE_RECIPE = "float32"


@dataclass(frozen=True)
class Spread:
    """A mean over seeds and how far the seeds lie apart.

    Args:
        mean: mean over seeds, in the unit of the samples.
        deviation: sample standard deviation over seeds, absent for a single seed.
    """

    mean: float
    deviation: float | None


@dataclass(frozen=True)
class Row:
    """One variant with one recipe, aggregated over its seeds.

    Args:
        variant: name of the model variant.
        recipe: name of the quantization recipe.
        seeds: number of models, one per seed.
        file_bytes: size of the file, mean over seeds.
        embedding_bytes: bytes of the encoded embedding tables, mean over seeds.
        parameters: numbers the whole model stores, mean over seeds.
        ratio: bytes of the baseline's float32 file over bytes of this file; absent without such a file.
        embedding_ratio: parameters of the full table over parameters stored, mean over seeds.
        reference: metric of the float reference model on the test split; absent where no seed has it.
        reference_change: relative change of `reference` to the baseline's, paired by seed, mean.
        converted: metric of the converted file, per seed the lowest of the runtimes that answered for the most users.
        converted_change: relative change to the baseline's reference with the conversion's part included, per seed
            the largest loss of any device and runtime, paired by seed, mean.
        runtimes: one per runtime of a device that was tried.
        verdict: `"valid"`, `"not run"`, or the first failing check with its runtime, and its device where the same
            runtime of another device says otherwise.
    """

    variant: str
    recipe: str
    seeds: int
    file_bytes: int
    embedding_bytes: int
    parameters: int
    ratio: float | None
    embedding_ratio: float
    reference: Spread | None
    reference_change: float | None
    converted: Spread | None
    converted_change: float | None
    runtimes: tuple[RuntimeRow, ...]
    verdict: str

    @property
    def valid(self) -> bool:
        """Whether every runtime of every device accepted the file of every seed."""
        return self.verdict == VALID


def summarize(report: Report) -> tuple[Row, ...]:
    """Aggregate a report over seeds, the baseline first, then by falling file size.

    Args:
        report: the raw records; a larger metric is taken to be better.
    """
    groups: dict[tuple[str, str], list[ModelRecord]] = {}
    for model in report.models:
        groups.setdefault((model.variant, model.manifest.recipe), []).append(model)
    rows = [_row(report, sorted(group, key=lambda model: model.manifest.training.seed)) for group in groups.values()]
    return tuple(
        sorted(rows, key=lambda row: (row.variant != report.baseline, -row.file_bytes, row.variant, row.recipe))
    )


def baseline_file_bytes(report: Report) -> float | None:
    """Return the mean size of the baseline's float32 files in bytes, or nothing if the report holds none."""
    return _mean(
        model.manifest.file_bytes
        for model in report.models
        if model.variant == report.baseline and model.manifest.recipe == BASELINE_RECIPE
    )


def spread(samples: Iterable[float]) -> Spread | None:
    """Return mean and sample standard deviation, or nothing without samples."""
    values = list(samples)
    if not values:
        return None
    return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


def _row(report: Report, models: list[ModelRecord]) -> Row:
    manifests = [model.manifest for model in models]
    runtimes = runtime_rows(models, report.metric)
    file_bytes = statistics.fmean(manifest.file_bytes for manifest in manifests)
    baseline_bytes = baseline_file_bytes(report)
    references = _baseline_reference(report)
    changes = {
        manifest.training.seed: manifest.training.quality[report.metric] / references[manifest.training.seed] - 1
        for manifest in manifests
        if report.metric in manifest.training.quality and references.get(manifest.training.seed)
    }
    return Row(
        variant=models[0].variant,
        recipe=manifests[0].recipe,
        seeds=len(models),
        file_bytes=round(file_bytes),
        embedding_bytes=round(statistics.fmean(sum(t.payload_bytes for t in m.tables.values()) for m in manifests)),
        parameters=round(statistics.fmean(manifest.parameters for manifest in manifests)),
        ratio=baseline_bytes / file_bytes if baseline_bytes is not None else None,
        embedding_ratio=statistics.fmean(manifest.ratio for manifest in manifests),
        reference=spread(m.training.quality[report.metric] for m in manifests if report.metric in m.training.quality),
        reference_change=_mean(changes.values()),
        converted=spread(min(q.measured for q in found) for m in models if (found := widest_quality(m, report.metric))),
        converted_change=_converted_change(models, changes, report.metric),
        runtimes=runtimes,
        verdict=_verdict(models, runtimes),
    )


def _converted_change(models: list[ModelRecord], changes: dict[int, float], metric: str) -> float | None:
    # The devices may have answered for fewer users than the test split has. So the baseline's metric is never
    # divided by theirs: the change of the reference and the change of the conversion are each over equal users.
    return _mean(
        (1 + changes[model.manifest.training.seed]) * (1 + min(quality.relative_change for quality in qualities)) - 1
        for model in models
        if model.manifest.training.seed in changes and (qualities := usable_quality(model, metric))
    )


def _baseline_reference(report: Report) -> dict[int, float]:
    """The baseline's reference metric by seed; the float32 recipe's where several recipes have one."""
    baseline = [model.manifest for model in report.models if model.variant == report.baseline]
    baseline.sort(key=lambda manifest: manifest.recipe == BASELINE_RECIPE)
    return {m.training.seed: m.training.quality[report.metric] for m in baseline if report.metric in m.training.quality}


def _verdict(models: list[ModelRecord], runtimes: tuple[RuntimeRow, ...]) -> str:
    if any(not model.results for model in models):
        return "not run"
    first = next((row for row in runtimes if row.verdict != VALID), None)
    if first is None:
        return VALID
    everywhere = all(row.verdict == first.verdict for row in runtimes if row.runtime == first.runtime)
    return f"{first.verdict} ({first.runtime if everywhere else f'{first.runtime}, {first.device}'})"


def _mean(samples: Iterable[float]) -> float | None:
    values = list(samples)
    mean = statistics.fmean(values) if values else None
    return mean if mean is None or math.isfinite(mean) else None
