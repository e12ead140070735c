"""Int4 with a scale per row, two numbers per byte, unpacked by arithmetic that every runtime since 2.8 has."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.ops import NumpyOps, Ops
from ondevice.quantize.scheme import INT4, Arrays, NativeScheme
from ondevice.quantize.steps import ROWS_PER_BLOCK, StepRows

LEVELS = 7
STEPS = tuple(share / LEVELS for share in (0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0))


class Int4Row(StepRows, NativeScheme):
    """Stores `q = round(x / s)` from -7 to 7, as `16 * q[j] + q[j + half]` in one int8, with a scale per row.

    The scale is the one of eight that leaves the row's least squared error. A row of odd width is filled up with a
    zero. Runtimes that gather rows of an int4 table get the same numbers as one, where the width is even: they read
    wrong rows where it is odd. The root mean square error of a Gaussian table of width 64 is 0.100, of width 16 0.081
    (0.108 and 0.085 with the largest number as 7).
    """

    lowest: ClassVar[int] = -LEVELS
    highest: ClassVar[int] = LEVELS
    tried: ClassVar[tuple[float, ...]] = STEPS
    per_byte: ClassVar[int] = 2
    byte: ClassVar[str] = "int8"

    def packed(self, whole: npt.NDArray[np.int8]) -> npt.NDArray[Any]:
        """Put a number of each half of a row in one byte."""
        half = -(-whole.shape[1] // 2)
        packed = whole[:, :half] * np.int8(16)
        packed[:, : whole.shape[1] - half] += whole[:, half:]
        return packed

    def native(self, arrays: Arrays) -> Arrays:
        """Pack neighbours instead of halves."""
        halves = arrays["values"]
        packed = np.empty_like(halves)
        for start in range(0, len(halves), ROWS_PER_BLOCK):
            block = halves[start : start + ROWS_PER_BLOCK]
            rows = _apart(block, np.arange(len(block), dtype=np.int32), NumpyOps(), 2 * halves.shape[1]).astype(np.int8)
            packed[start : start + len(block)] = rows[:, ::2] & 15 | rows[:, 1::2] << 4
        return {INT4: packed, **{part: array for part, array in arrays.items() if part != "values"}}

    def apart(self, arrays: Arrays, index: Any, xp: Ops, width: int) -> Any:
        """Gather an int4 table as it is, and take halves apart."""
        if INT4 in arrays:
            return xp.to_float(xp.gather_int4(arrays[INT4], index))
        return _apart(arrays["values"], index, xp, width)


def _apart(halves: Any, index: Any, xp: Ops, width: int) -> Any:
    """Return rows in steps: the high number is the nearest multiple of 16, the low one the rest."""
    both = xp.to_float(xp.gather(halves, index))
    high = xp.floor(both * 0.0625 + 0.5)
    low = both - high * 16.0
    return xp.concat([high, low if width % 2 == 0 else low[..., : width // 2]]) if width > 1 else high
