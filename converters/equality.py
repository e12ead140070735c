"""Comparing large arrays without an array of as many answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

NUMBERS_PER_BLOCK = 1 << 20
"""Numbers that are compared at once."""


def equal_numbers(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> bool:
    """Tell whether two arrays hold the same numbers in the same order, whatever their shapes."""
    if left.size != right.size:
        return False
    one, other = left.reshape(-1), right.reshape(-1)
    blocks = (slice(start, start + NUMBERS_PER_BLOCK) for start in range(0, one.size, NUMBERS_PER_BLOCK))
    return all(np.array_equal(one[block], other[block]) for block in blocks)
