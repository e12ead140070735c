"""Int2 with a scale per row, four numbers per byte, unpacked by arithmetic that every runtime since 2.8 has."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.ops import Ops
from ondevice.quantize.scheme import Arrays
from ondevice.quantize.steps import StepRows

LOWEST, HIGHEST = -1, 2
_SHARES = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.75)
STEPS = _SHARES + tuple(-share for share in _SHARES)
PER_BYTE = 4


class Int2Row(StepRows):
    """Stores `q = round(x / s)` as -1, 0, 1 or 2, four in one uint8, with a scale per row that may be negative.

    Its sign decides which side of zero gets the second level; it is, with its size, the one of sixteen that leaves the
    row's least squared error. The root mean square error of a Gaussian table is 0.35 at width 64 and 0.30 at width 16:
    three times that of int4 for half the bytes, so this is for tables that can be trained to it.
    """

    lowest: ClassVar[int] = LOWEST
    highest: ClassVar[int] = HIGHEST
    tried: ClassVar[tuple[float, ...]] = STEPS
    per_byte: ClassVar[int] = PER_BYTE
    byte: ClassVar[str] = "uint8"

    def packed(self, whole: npt.NDArray[np.int8]) -> npt.NDArray[Any]:
        """Put a number of each quarter of a row in one byte."""
        quarter = -(-whole.shape[1] // PER_BYTE)
        codes = (whole - LOWEST).astype(np.uint8)
        padded = np.pad(codes, ((0, 0), (0, quarter * PER_BYTE - whole.shape[1])))
        packed = np.zeros((len(whole), quarter), np.uint8)
        for part in range(PER_BYTE):
            packed = packed * np.uint8(PER_BYTE) + padded[:, part * quarter : (part + 1) * quarter]
        return packed

    def apart(self, arrays: Arrays, index: Any, xp: Ops, width: int) -> Any:
        """Halve the byte twice, exactly."""
        four = xp.to_float(xp.gather(arrays["values"], index))
        high = xp.floor(four * 0.0625)
        parts = []
        for two in (high, four - high * 16.0):
            first = xp.floor(two * 0.25)
            parts += [first, two - first * 4.0]
        rows = xp.concat(parts)
        if width % PER_BYTE:
            rows = rows[..., :width]
        return rows + float(LOWEST)
