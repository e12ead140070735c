"""Codebooks of single numbers: the entries that fit a table best, and the entry nearest to each number."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.method import FloatArray

ROUNDS = 100
STARTING_POINTS = 4_096


def fitted_codebook(values: FloatArray, entries: int) -> FloatArray:
    """Return the entries that leave nearly the least squared error (Lloyd, 1982; Max, 1960), float32 and rising.

    Exact where there are no more different numbers than entries. Otherwise entries start as dense as the cube root of
    the density of the numbers, and each then moves to the mean of the numbers nearest to it, in turns. Sums over sorted
    numbers make a turn cheap; nothing is random. A table with a zero has an entry that is exactly zero, and one with
    numbers of both signs entries of both: no number becomes one of the other sign, which would turn a vector round.

    Args:
        values: float32, at least one number.
        entries: how many.
    """
    numbers = np.sort(values, axis=None).astype(np.float64)
    changes = np.flatnonzero(np.diff(numbers))
    if len(changes) < entries:
        different = numbers[np.append(changes, len(numbers) - 1)]
        return np.pad(different, (0, entries - len(different)), mode="edge").astype(np.float32)
    zero = np.searchsorted(numbers, 0, "right") > np.searchsorted(numbers, 0)
    sums = np.concatenate([[0.0], np.cumsum(numbers)])
    sample = numbers[np.linspace(0, len(numbers) - 1, min(len(numbers), STARTING_POINTS)).astype(np.int64)]
    # Between neighbours of the sample lies an equal share of all numbers, so their distance is one over the density.
    spread = np.concatenate([[0.0], np.cumsum(np.diff(sample) ** (2 / 3))])
    places = np.interp((np.arange(entries) + 0.5) / entries * spread[-1], spread, sample)
    for end, of_sign in ((0, numbers[numbers < 0]), (-1, numbers[numbers > 0])):
        if len(of_sign) and places[end] * of_sign[0] <= 0:
            places[end] = of_sign.mean()
    for _ in range(ROUNDS):
        ends = np.concatenate([[0], np.searchsorted(numbers, _middles(places)), [len(numbers)]])
        first, last = ends[:-1], ends[1:]
        some = last > first
        means = (sums[last] - sums[first]) / np.maximum(last - first, 1)
        # A difference of large sums may be rounded to beyond the numbers that it is the mean of.
        inside = np.clip(means, numbers[np.minimum(first, len(numbers) - 1)], numbers[np.maximum(last, 1) - 1])
        moved = np.where(some, inside, places)
        if zero:
            moved[np.argmin(np.abs(moved))] = 0
        if np.array_equal(moved, places):
            break
        places = moved
    return np.sort(places).astype(np.float32)


def nearest(values: FloatArray, codebook: FloatArray) -> npt.NDArray[np.uint8]:
    """Return the code of the entry nearest to each number, none of the other sign, uint8 of the same shape."""
    return np.searchsorted(_middles(codebook.astype(np.float64)), values).astype(np.uint8)


def _middles(entries: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    middles: npt.NDArray[np.float64] = np.where(
        (entries[:-1] < 0) & (entries[1:] > 0), 0.0, (entries[1:] + entries[:-1]) / 2
    )
    return middles
