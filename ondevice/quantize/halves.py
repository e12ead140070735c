"""Two numbers of four bits in one int8: packed with NumPy, unpacked by arithmetic that every runtime since 2.8 has."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.ops import Ops

LEVELS = 7
"""The largest number; the smallest is as far from zero."""
STEPS = tuple(share / LEVELS for share in (0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0))
"""Steps that a row is tried with, as shares of its largest number."""


def packed_width(width: int) -> int:
    """Return how many bytes a row of so many numbers takes: an odd one is filled up with a zero."""
    return -(-width // 2)


def packed(whole: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Pack the halves of every row, as `16 * row[j] + row[j + half]`.

    Args:
        whole: int8 `[rows, width]`, from -7 to 7.

    Returns:
        int8 `[rows, packed_width(width)]`.
    """
    half = packed_width(whole.shape[1])
    both: npt.NDArray[np.int8] = whole[:, :half] * np.int8(16)
    both[:, : whole.shape[1] - half] += whole[:, half:]
    return both


def unpacked(both: Any, width: int, xp: Ops) -> Any:
    """Return packed rows as they were; the high number is the nearest multiple of 16, the low one the rest.

    Args:
        both: int8 `[..., packed_width(width)]`.
        width: numbers per row.
        xp: the operations.

    Returns:
        float32 `[..., width]`, whole numbers.
    """
    both = xp.to_float(both)
    high = xp.floor(both * 0.0625 + 0.5)
    low = both - high * 16.0
    return xp.concat([high, low if width % 2 == 0 else low[..., : width // 2]]) if width > 1 else high
