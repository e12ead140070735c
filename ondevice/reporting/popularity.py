"""The table of the metric by how often items occur in training, written once for Markdown and HTML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ondevice.reporting.columns import NUMBER, TEXT, Column, format_spread, or_absent
from ondevice.reporting.record import Report
from ondevice.reporting.summary import Spread, spread

MEANINGS = {
    "head": "the most frequent items, which make up the first third of the training interactions",
    "torso": "the items which make up the second third",
    "tail": "all other items of the training interactions",
    "cold": "the items that training never saw",
}
"""What each class of items is, in order."""


@dataclass(frozen=True)
class PopularityRow:
    """The float reference model of one variant.

    Args:
        variant: name of the model variant.
        classes: metric over the seeds by class of items; a class without users who have a right answer is absent.
    """

    variant: str
    classes: dict[str, Spread]


def popularity_rows(report: Report) -> tuple[PopularityRow, ...]:
    """Return one row per variant that has such figures, the baseline first, the others in the order of the report."""
    variants = dict.fromkeys(model.variant for model in report.models)
    rows = (_row(report, variant) for variant in sorted(variants, key=lambda variant: variant != report.baseline))
    return tuple(row for row in rows if row.classes)


def popularity_columns(report: Report) -> tuple[Column[PopularityRow], ...]:
    """Return the columns: the variant and the classes of items, each with its size."""
    return (
        Column("Model", TEXT, lambda row: row.variant),
        *(Column(name.capitalize(), NUMBER, _cell(name), _explanation(report, name)) for name in MEANINGS),
    )


def _row(report: Report, variant: str) -> PopularityRow:
    # The files of all recipes of a seed are of one reference model.
    seeds = {
        m.manifest.training.seed: m.manifest.training.quality_by_popularity
        for m in report.models
        if m.variant == variant
    }
    found = {}
    for name in MEANINGS:
        classes = [each.get(name, {}) for each in seeds.values()]
        value = spread(each[report.metric] for each in classes if report.metric in each)
        if value is not None:
            found[name] = value
    return PopularityRow(variant, found)


def _cell(name: str) -> Callable[[PopularityRow], str]:
    return lambda row: or_absent(row.classes.get(name), format_spread)


def _explanation(report: Report, name: str) -> str:
    sizes = (m.manifest.training.quality_by_popularity.get(name, {}) for m in report.models)
    size = next((each for each in sizes if each), {"items": 0.0, "users": 0.0})
    counts = f"{size['items']:,.0f} items, the right answers for {size['users']:,.0f} users"
    return f"{report.metric} of the float reference if only these are right answers: {MEANINGS[name]} ({counts})"
