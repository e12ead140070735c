"""Each model of a sweep against the full table, paired over users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ondevice.reporting.sweep.record import Comparison, Trial


def compare(trials: Sequence[Trial], values: npt.NDArray[np.float64], baseline: str) -> tuple[Comparison, ...]:
    """Compare every model with the full table of the same seeds; none where that has no right answer at all.

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
            own_values, full_values = (values[side] for side in pairs)
            if full_values.any():
                compared.append(_compare(variant, ratio, own_values, full_values))
    return tuple(compared)


def _compare(
    variant: str, ratio: float, own_values: npt.NDArray[np.float64], full_values: npt.NDArray[np.float64]
) -> Comparison:
    from ondevice.reporting.sweep.record import Comparison

    own, full = own_values.mean(axis=0), full_values.mean(axis=0)
    low, high, p_value = _paired(own, full)
    base = float(full.mean())
    return Comparison(
        variant=variant,
        ratio=ratio,
        seeds=len(own_values),
        users=len(own),
        change=float(own.mean()) / base - 1,
        low=low / base,
        high=high / base,
        p_value=p_value,
    )


def _paired(own: npt.NDArray[np.float64], full: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the 95 % interval of the mean difference and how probable such a one is by chance."""
    import scipy.stats

    differences = own - full
    if np.ptp(differences) == 0:
        # All users alike leave nothing to chance, and a test divides by their spread.
        return float(differences[0]), float(differences[0]), 0.0 if differences[0] and len(own) > 1 else 1.0
    test = scipy.stats.ttest_rel(own, full)
    interval = test.confidence_interval(0.95)
    return float(interval.low), float(interval.high), float(test.pvalue)
