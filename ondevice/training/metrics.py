"""Ranking metrics over the whole vocabulary, in NumPy; no sampled candidates.

A user without relevant items has no value and is left out of every mean.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ondevice.data.interactions import Lists

FloatArray = npt.NDArray[np.float64]


def hits(recommended: npt.NDArray[np.integer], relevant: Lists) -> npt.NDArray[np.bool_]:
    """Tell which recommendations are relevant.

    Args:
        recommended: `[users, k]`, best first; negative entries stand for no recommendation.
        relevant: relevant items of each user, without repeats.

    Returns:
        bool `[users, k]`.
    """
    return np.array([np.isin(row, found) for row, found in zip(recommended, relevant, strict=True)])


def ndcg(hit: npt.NDArray[np.bool_], relevant_counts: npt.NDArray[np.integer], k: int) -> FloatArray:
    """Return nDCG at a cut-off: gain 1 per relevant item, discount `1 / log2(rank + 1)`, over the best possible.

    Args:
        hit: bool `[users, at least k]`, see `hits`.
        relevant_counts: `[users]`, number of relevant items, each at least 1.
        k: cut-off.

    Returns:
        float64 `[users]`, each 0 to 1.
    """
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    best = np.cumsum(discounts)[np.minimum(relevant_counts, k) - 1]
    return hit[:, :k] @ discounts / best


def recall(hit: npt.NDArray[np.bool_], relevant_counts: npt.NDArray[np.integer], k: int) -> FloatArray:
    """Return recall at a cut-off: relevant items among the first k over all relevant items.

    Args:
        hit: bool `[users, at least k]`, see `hits`.
        relevant_counts: `[users]`, number of relevant items, each at least 1.
        k: cut-off.

    Returns:
        float64 `[users]`, each 0 to 1.
    """
    return hit[:, :k].sum(axis=1) / relevant_counts


METRICS = {"ndcg@10": (ndcg, 10), "ndcg@20": (ndcg, 20), "recall@10": (recall, 10), "recall@20": (recall, 20)}
"""The metrics that are reported, by name."""


def per_user(recommended: npt.NDArray[np.integer], relevant: Lists, name: str) -> FloatArray:
    """Return a metric of every user who has relevant items.

    Args:
        recommended: `[users, k]`, best first.
        relevant: relevant items of each user.
        name: key of `METRICS`.

    Returns:
        float64 `[users with relevant items]`, in the order of the users.
    """
    counts = np.diff(relevant.offsets)
    measure, k = METRICS[name]
    return measure(hits(recommended, relevant)[counts > 0], counts[counts > 0], k)


def means(recommended: npt.NDArray[np.integer], relevant: Lists) -> dict[str, float]:
    """Return the mean of every metric whose cut-off the recommendations reach."""
    reached = {name for name, (_, k) in METRICS.items() if k <= recommended.shape[1]}
    return {name: float(np.mean(per_user(recommended, relevant, name))) for name in sorted(reached)}
