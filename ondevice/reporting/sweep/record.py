"""What the report of a sweep is made of: one raw record per training, versioned."""

from __future__ import annotations

from dataclasses import dataclass, field

from ondevice.task import RANKING

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Trial:
    """One training run of a sweep.

    Args:
        variant: name of the model, e.g. `"memcom@semantic+warm"`.
        ratio: ratio asked for; 1 for the full table.
        seed: its seed.
        setting: the settings it was trained with, of those that were searched.
        chosen: whether the setting is the one kept for this model; trials that are not are there for the search.
        reached: bytes of the full float32 table over bytes of the float32 tables kept.
        table_bytes: bytes of the tables by recipe.
        validation: metric on the validation items, of the best epoch.
        test: metrics on the test items by name.
        seconds: seconds of training, validation included.
        epochs: epochs trained.
        by_popularity: metrics with the items of one class (see `POPULARITY`) alone relevant, and the numbers of
            `"users"` and `"items"`, by class; empty where the task has none.
    """

    variant: str
    ratio: float
    seed: int
    setting: dict[str, int | float | str]
    chosen: bool
    reached: float
    table_bytes: dict[str, int]
    validation: float
    test: dict[str, float]
    seconds: float
    epochs: int
    by_popularity: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """One model against the full table, paired over users; a user's metric is the mean over seeds.

    Args:
        variant: name of the model.
        ratio: ratio asked for.
        seeds: seeds that both have.
        users: test users or texts.
        change: relative change of the mean metric.
        low: lower end of its 95 % confidence interval, from the spread over users.
        high: upper end.
        p_value: probability of a difference at least as large if there were none (paired t-test over users).
    """

    variant: str
    ratio: float
    seeds: int
    users: int
    change: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class Refused:
    """A model that can't be made.

    Args:
        method: the method with its options.
        ratio: ratio asked for.
        reason: why not, one sentence.
    """

    method: str
    ratio: float
    reason: str


@dataclass(frozen=True)
class Sweep:
    """Everything the report of a sweep shows.

    Args:
        schema_version: version of this record.
        dataset: name of the data set.
        dataset_summary: one sentence about it.
        command: command that made it.
        created: time of writing, ISO 8601 with offset.
        machine: system, processor, cores.
        versions: versions of the packages used.
        metric: name of the metric compared.
        baseline: name of the full table's model.
        protocol: how all models were trained and their settings chosen, in sentences.
        trials: one per training, in the order of the plan.
        comparisons: one per model but the full table.
        refused: models that can't be made.
        missing: trainings of the plan that are not done yet.
        task: name of the task.
    """

    schema_version: int
    dataset: str
    dataset_summary: str
    command: str
    created: str
    machine: dict[str, str]
    versions: dict[str, str]
    metric: str
    baseline: str
    protocol: tuple[str, ...]
    trials: tuple[Trial, ...]
    comparisons: tuple[Comparison, ...]
    refused: tuple[Refused, ...]
    missing: int
    task: str = RANKING
