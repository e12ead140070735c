"""The section on what encoding the tables costs each model, written once for Markdown and HTML."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from ondevice import task as tasks
from ondevice.encoding_error import EncodingError, WorstId
from ondevice.reporting.columns import TEXT, Column
from ondevice.reporting.record import ModelRecord, Report
from ondevice.reporting.runtimes import widest_quality
from ondevice.units import format_decibels, format_share


@dataclass(frozen=True)
class EncodingSection:
    """What is said of one model.

    Args:
        title: variant, recipe and seed.
        facts: sentences.
        worst: the ids whose vectors change most, none where none does.
    """

    title: str
    facts: tuple[str, ...]
    worst: tuple[WorstId, ...]


def encoding_sections(report: Report) -> tuple[EncodingSection, ...]:
    """Return one section per model whose tables lost anything by being encoded, in the order of the report."""
    return tuple(
        _section(model, each.error, each.error.signal_to_noise_db, report.metric)
        for model in report.models
        for each in model.manifest.embeddings
        if each.error.signal_to_noise_db is not None
    )


def worst_columns() -> tuple[Column[WorstId], ...]:
    """Return the columns of the table of the ids whose vectors change most."""
    return (
        Column("Id", lambda worst: str(worst.id)),
        Column("Item", lambda worst: worst.key, kind=TEXT),
        Column("Error", lambda worst: f"{worst.error:.3g}", "length of the difference of the vectors after and before"),
        Column("Cosine", lambda worst: f"{worst.cosine:.6f}", "cosine between the vectors after and before"),
    )


def _section(model: ModelRecord, error: EncodingError, decibels: float, metric: str) -> EncodingSection:
    title = f"{model.variant} {model.manifest.recipe}, seed {model.manifest.training.seed}"
    facts = (
        f"Signal to noise of all {error.ids:,} vectors: {format_decibels(decibels)}; cosine between a vector before "
        f"and after: mean {error.mean_cosine:.6f}, least {error.least_cosine:.6f}; largest error of a number: "
        f"{error.max_error:.3g}.",
        *_blame(error.shares),
        *_ranking(model, metric),
    )
    return EncodingSection(title, facts, error.worst)


def _blame(shares: dict[str, float]) -> list[str]:
    if len(shares) < 2:
        return []
    largest_first = sorted(shares.items(), key=lambda share: -share[1])
    said = ", ".join(f"{name} {format_share(share)}" for name, share in largest_first)
    return [f"Squared error with one table encoded alone, over that of all: {said}."]


def _ranking(model: ModelRecord, metric: str) -> list[str]:
    """Say how the answers to the test users change, as validation has measured it."""
    found, task = widest_quality(model, metric), tasks.load(model.manifest.task)
    if not found or task.one_answer:
        return []
    kept = statistics.fmean(quality.top_k_overlap for quality in found)
    told = [quality.users_changed for quality in found if quality.users_changed is not None]
    if not task.top_k:
        same = f"The file gives {format_share(kept)} of the {task.examples} the reference's best {task.answer}"
        return [f"{same} ({found[0].users:,} {task.examples}, mean over runtimes)."]
    changed = f", and {format_share(statistics.fmean(told))} of the {task.examples} get another list" if told else ""
    return [
        f"Of the reference's best {task.answer}s, as many as {metric} looks at, the file returns {format_share(kept)} "
        f"({found[0].users:,} {task.examples}, mean over runtimes){changed}."
    ]
