"""Each model of a sweep against the full table, paired over users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ondevice.reporting.sweep.record import Comparison, Trial


def compare(trials: Sequence[Trial], values: npt.NDArray[np.float64], baseline: str) -> tuple[Comparison, ...]:
    """Compare every model with the full table of the same seeds.

    Args:
        trials: the trainings, of which those with a chosen setting count.
        values: each user's metric, float64 `[trainings, users]`.
        baseline: name of the full table's model.
    """
    rows: dict[tuple[str, float], dict[int, int]] = {}
    for row, trial in enumerate(trials):
        if not trial.chosen:
            continue
        rows.setdefault((trial.variant, trial.ratio), {})[trial.seed] = row
    full = {seed: row for (variant, _), found in rows.items() if variant == baseline for seed, row in found.items()}
    compared = []
    for (variant, ratio), own in rows.items():
        seeds = [seed for seed in own if seed in full]
        if variant != baseline and seeds:
            pairs = ([own[seed] for seed in seeds], [full[seed] for seed in seeds])
            compared.append(_compare(variant, ratio, *(values[side] for side in pairs)))
    return tuple(compared)


def _compare(
    variant: str, ratio: float, own_values: npt.NDArray[np.float64], full_values: npt.NDArray[np.float64]
) -> Comparison:
    import scipy.stats

    from ondevice.reporting.sweep.record import Comparison

    own, full = own_values.mean(axis=0), full_values.mean(axis=0)
    test = scipy.stats.ttest_rel(own, full)
    interval = test.confidence_interval(0.95)
    base = float(full.mean())
    return Comparison(
        variant=variant,
        ratio=ratio,
        seeds=len(own_values),
        users=len(own),
        change=float(own.mean()) / base - 1,
        low=float(interval.low) / base,
        high=float(interval.high) / base,
        p_value=float(test.pvalue),
    )
