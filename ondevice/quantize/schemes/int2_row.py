"""Int2 with a scale per row, four numbers per byte, unpacked by arithmetic that every runtime since 2.8 has."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.method import FloatArray
from ondevice.embeddings.ops import Ops
from ondevice.quantize.scheme import Arrays, Layout, Scheme
from ondevice.quantize.steps import (
    chosen_steps,
    decoded_steps,
    has_steps,
    in_steps,
    rounded_rows,
    steps_layout,
)

LOWEST, HIGHEST = -1, 2
_SHARES = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.75)
STEPS = _SHARES + tuple(-share for share in _SHARES)
PER_BYTE = 4


class Int2Row(Scheme):
    """Stores `q = round(x / s)` as -1, 0, 1 or 2, four in one uint8, with a scale per row that may be negative.

    Its sign decides which side of zero gets the second level; it is, with its size, the one of sixteen that leaves the
    row's least squared error. The root mean square error of a Gaussian table is 0.35 at width 64 and 0.30 at width 16:
    three times that of int4 for half the bytes, so this is for tables that can be trained to it.
    """

    scales: ClassVar[str] = "scales"

    def layout(self, rows: int, width: int, folds: bool = False) -> Layout:
        """Declare a quarter of a byte per number, and the steps."""
        return {"values": ((rows, -(-width // PER_BYTE)), "uint8"), **({} if folds else steps_layout(rows))}

    def encode(self, values: FloatArray, folds: bool = False) -> dict[str, npt.NDArray[Any]]:
        """Round every row to its own step and pack its quarters."""
        steps, arrays = chosen_steps(values, LOWEST, HIGHEST, STEPS, folds)
        codes = (in_steps(values, steps, LOWEST, HIGHEST) - LOWEST).astype(np.uint8)
        quarter = -(-values.shape[1] // PER_BYTE)
        padded = np.pad(codes, ((0, 0), (0, quarter * PER_BYTE - values.shape[1])))
        packed = np.zeros((len(values), quarter), np.uint8)
        for part in range(PER_BYTE):
            packed = packed * np.uint8(PER_BYTE) + padded[:, part * quarter : (part + 1) * quarter]
        return {"values": packed, **arrays}

    def decode(self, arrays: Arrays, index: Any, xp: Ops, width: int) -> Any:
        """Gather and widen the rows asked for; halve the byte twice, exactly."""
        four = xp.to_float(xp.gather(arrays["values"], index))
        high = xp.floor(four * 0.0625)
        parts = []
        for two in (high, four - high * 16.0):
            first = xp.floor(two * 0.25)
            parts += [first, two - first * 4.0]
        rows = xp.concat(parts)
        if width % PER_BYTE:
            rows = rows[..., :width]
        rows = rows + float(LOWEST)
        return rows * decoded_steps(arrays, index, xp) if has_steps(arrays) else rows

    def rounded(self, rows: Any) -> Any:
        """Round rows within a graph; the steps themselves stay as they are."""
        return rounded_rows(rows, LOWEST, HIGHEST, STEPS)
