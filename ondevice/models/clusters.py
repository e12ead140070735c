"""Clusters of vectors, the same for the same seed whatever the number of threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

ROUNDS = 15
SAMPLE = 50_000
"""Vectors that the centers are learned from, at most; the rest is only assigned to them."""
CHUNK = 16_384

Points = npt.NDArray[np.float64]


def cluster(points: Points, centers: int, rng: np.random.Generator) -> Points:
    """Return centers by Lloyd's algorithm; a center that loses all its points moves to one that fits worst.

    Args:
        points: float64 `[points, width]`.
        centers: how many; beyond the number of points they repeat.
        rng: draws the first centers.

    Returns:
        float64 `[centers, width]`.
    """
    if len(points) > SAMPLE:
        points = points[np.sort(rng.choice(len(points), SAMPLE, replace=False))]
    if len(points) <= centers:
        return points[np.arange(centers) % len(points)]
    found = points[rng.choice(len(points), centers, replace=False)]
    for _ in range(ROUNDS):
        member = nearest(points, found)
        counts = np.bincount(member, minlength=centers)
        sums = np.stack([np.bincount(member, column, centers) for column in points.T], axis=1)
        empty = np.flatnonzero(counts == 0)
        misfit = np.sum((points - found[member]) ** 2, axis=1)
        found = sums / np.maximum(counts, 1)[:, None]
        found[empty] = points[np.argsort(-misfit, kind="stable")[: len(empty)]]
    return found


def nearest(points: Points, centers: Points) -> npt.NDArray[Any]:
    """Return the center that is nearest to each point, int64 `[points]`."""
    norms = np.sum(centers**2, axis=1)
    parts = [
        np.argmin(norms - 2 * points[start : start + CHUNK] @ centers.T, axis=1)
        for start in range(0, len(points), CHUNK)
    ]
    return np.concatenate(parts)
