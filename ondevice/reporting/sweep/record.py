"""What the report of a sweep is made of: one raw record per training, versioned."""

from __future__ import annotations

from dataclasses import dataclass, field

from ondevice.reporting.record import Head
from ondevice.task import RANKING
from ondevice.units import format_setting

SCHEMA_VERSION = 1

Setting = dict[str, int | float | str]
"""Values of the settings that are searched."""


@dataclass(frozen=True)
class Training:
    """What is trained once.

    Args:
        variant: name of the model, e.g. `"memcom@semantic+warm"`.
        ratio: ratio asked for; 1 for the full table.
        seed: its seed.
        setting: the settings it is trained with, of those that are searched.
    """

    variant: str
    ratio: float
    seed: int
    setting: Setting

    @property
    def title(self) -> str:
        """What it is, for people, and its name among those of a sweep."""
        setting = "".join(f", {name} {format_setting(value)}" for name, value in self.setting.items())
        return f"{self.variant} at {self.ratio:g}x{setting}, seed {self.seed}"


@dataclass(frozen=True)
class Trial(Training):
    """A training that is done.

    Args:
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


@dataclass(frozen=True, kw_only=True)
class Sweep(Head):
    """Everything the report of a sweep shows.

    Args:
        protocol: how all models were trained and their settings chosen, in sentences.
        trials: one per training, in the order of the plan.
        comparisons: one per model but the full table.
        refused: models that can't be made.
        missing: trainings of the plan that are not done yet.
        task: name of the task.
    """

    protocol: tuple[str, ...]
    trials: tuple[Trial, ...]
    comparisons: tuple[Comparison, ...]
    refused: tuple[Refused, ...]
    missing: int
    task: str = RANKING
