"""The table of the metric by how often items occur in training, written once for Markdown and HTML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ondevice.reporting.columns import TEXT, Column, format_spread, or_absent
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
    # The files of all recipes of a seed are of one reference model.
    seeds: dict[str, dict[int, dict[str, dict[str, float]]]] = {}
    for model in report.models:
        training = model.manifest.training
        seeds.setdefault(model.variant, {})[training.seed] = training.quality_by_popularity
    rows = []
    for variant in sorted(seeds, key=lambda variant: variant != report.baseline):
        classes = {name: [each.get(name, {}) for each in seeds[variant].values()] for name in MEANINGS}
        spreads = {
            name: spread(of[report.metric] for of in each if report.metric in of) for name, each in classes.items()
        }
        rows.append(PopularityRow(variant, {name: found for name, found in spreads.items() if found is not None}))
    return tuple(row for row in rows if row.classes)


def popularity_columns(report: Report) -> tuple[Column[PopularityRow], ...]:
    """Return the columns: the variant and the classes of items, each with its size."""

    def column(name: str) -> Column[PopularityRow]:
        sizes = (model.manifest.training.quality_by_popularity.get(name, {}) for model in report.models)
        said = explained(name, f"{report.metric} of the float reference", sizes)
        return Column(name.capitalize(), lambda row: or_absent(row.classes.get(name), format_spread), said)

    return (Column("Model", lambda row: row.variant, kind=TEXT), *map(column, MEANINGS))


def explained(name: str, metric: str, sizes: Iterable[dict[str, float]]) -> str:
    """Say what the metric of a class of items is.

    Args:
        name: name of the class.
        metric: the metric, and of what.
        sizes: the numbers of `"items"` and `"users"`, of which the first that are there count.
    """
    size = next((each for each in sizes if each), {"items": 0.0, "users": 0.0})
    counts = f"{size['items']:,.0f} items, the right answers for {size['users']:,.0f} users"
    return f"{metric} if only these are right answers: {MEANINGS[name]} ({counts})"
