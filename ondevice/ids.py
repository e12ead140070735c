"""The id contract: what the first ids mean, and which neighbours in the id order share a row, on the device and off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

PADDING_ID = 0
"""Fills a history up to its fixed length and contributes nothing to pooling."""

UNKNOWN_ID = 1
"""Stands for any item that the vocabulary does not know."""

RESERVED_IDS = 2
"""Ids below this one are no items; the first item has this id."""

OUT_OF_RANGE = {"unknown": UNKNOWN_ID, "padding": PADDING_ID}
"""What an id outside the vocabulary may count as, by the name of the policy."""


def run_lengths(items: int, runs: int) -> tuple[int, int]:
    """Return how the items are cut into runs: the length of the shorter runs, and how many of the first are one longer.

    Args:
        items: number of items.
        runs: number of runs, from 1 to `items`.
    """
    return divmod(items, runs)


def run_starts(items: int, runs: int) -> npt.NDArray[np.int64]:
    """Return the place in the id order at which each run of neighbours begins, and after the last one its end.

    Args:
        items: number of items.
        runs: number of runs, from 1 to `items`.

    Returns:
        int64 `[runs + 1]`, from 0 to `items`.
    """
    length, longer = run_lengths(items, runs)
    numbers = np.arange(runs + 1)
    return numbers * length + np.minimum(numbers, longer)
