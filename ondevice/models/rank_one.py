"""Vectors as multiples of a few shared rows: the best fit in the least squares."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

ROUNDS = 30

Points = npt.NDArray[np.float64]


def rank_one(points: Points, row: npt.NDArray[Any], rows: int) -> tuple[Points, Points]:
    """Fit `points[i] = multiplier[i] * shared[row[i]]`, multipliers and rows by turns.

    Args:
        points: float64 `[points, width]`.
        row: row of each point, `[points]`.
        rows: how many rows there are.

    Returns:
        shared rows `[rows, width]` and multipliers `[points]`, which have a mean square of one within each row.
    """
    sizes = np.sum(points**2, axis=1)
    # The longest point of each row comes last, so that it is the one to stay.
    order = np.argsort(sizes, kind="stable")
    shared = np.zeros((rows, points.shape[1]))
    shared[row[order]] = points[order]
    multiplier = np.zeros(len(points))
    for _ in range(ROUNDS):
        multiplier = np.sum(points * shared[row], axis=1) / _nonzero(np.sum(shared**2, axis=1))[row]
        weights = _nonzero(np.bincount(row, multiplier**2, rows))
        shared = np.stack([np.bincount(row, multiplier * column, rows) for column in points.T], axis=1)
        shared /= weights[:, None]
    counts = np.maximum(np.bincount(row, minlength=rows), 1)
    scale = np.sqrt(np.bincount(row, multiplier**2, rows) / counts)
    scale = np.where(np.bincount(row, multiplier, rows) < 0, -scale, scale)
    scale = np.where(scale == 0, 1, scale)
    return shared * scale[:, None], multiplier / scale[row]


def _nonzero(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.where(values > 0, values, 1)
