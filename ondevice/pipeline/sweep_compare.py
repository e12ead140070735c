"""Each model of a sweep against the full table, paired over users."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ondevice.reporting.sweep.record import Comparison, Trial

if TYPE_CHECKING:
    import numpy.typing as npt


def compare(
    trials: Sequence[Trial], values: Iterable[npt.NDArray[np.float64]], baseline: str
) -> tuple[Comparison, ...]:
    """Compare every model with the full table of the same seeds; none where that has no right answer at all.

    Args:
        trials: the trainings, of which those with a chosen setting count.
        values: each user's metric, float64 `[users]` per training.
        baseline: name of the full table's model.
    """
    models: dict[tuple[str, float], dict[int, npt.NDArray[np.float64]]] = {}
    for trial, found in zip(trials, values, strict=True):
        if trial.chosen:
            models.setdefault((trial.variant, trial.ratio), {})[trial.seed] = found
    full = next((found for (variant, _), found in models.items() if variant == baseline), {})
    compared = []
    for (variant, ratio), own in models.items():
        seeds = [seed for seed in own if seed in full]
        if variant != baseline and seeds:
            own_mean, full_mean = (np.mean([found[seed] for seed in seeds], axis=0) for found in (own, full))
            if full_mean.any():
                base = float(full_mean.mean())
                low, high, p_value = _paired(own_mean, full_mean)
                change = float(own_mean.mean()) / base - 1
                users = len(own_mean)
                compared.append(Comparison(variant, ratio, len(seeds), users, change, low / base, high / base, p_value))
    return tuple(compared)


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
