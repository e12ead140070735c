"""Int4 with a scale per row, two numbers per byte, unpacked by arithmetic that every runtime since 2.8 has."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.method import FloatArray
from ondevice.embeddings.ops import Ops
from ondevice.quantize.halves import LEVELS, STEPS, packed, packed_width, unpacked
from ondevice.quantize.scheme import Arrays, Layout, Scheme
from ondevice.quantize.steps import (
    chosen_steps,
    decoded_steps,
    has_steps,
    in_steps,
    rounded_rows,
    step_bound,
    steps_layout,
)


class Int4Row(Scheme):
    """Stores `q = round(x / s)` from -7 to 7, as `16 * q[j] + q[j + half]` in one int8, with a scale per row.

    The scale is the one of eight that leaves the row's least squared error. A row of odd width is filled up with a
    zero. The native int4 GATHER needs a newer runtime and reads wrong rows where the width is odd. The root mean square
    error of a Gaussian table of width 64 is 0.100, of width 16 0.081 (0.108 and 0.085 with the largest number as 7).
    """

    scales: ClassVar[str] = "scales"

    def layout(self, rows: int, width: int, folds: bool = False) -> Layout:
        """Declare half a byte per number, and the steps."""
        return {"values": ((rows, packed_width(width)), "int8"), **({} if folds else steps_layout(rows))}

    def encode(self, values: FloatArray, folds: bool = False) -> dict[str, npt.NDArray[Any]]:
        """Round every row to its own step and pack its halves."""
        steps, arrays = chosen_steps(values, -LEVELS, LEVELS, STEPS, folds)
        return {"values": packed(in_steps(values, steps, -LEVELS, LEVELS)), **arrays}

    def decode(self, arrays: Arrays, index: Any, xp: Ops, width: int) -> Any:
        """Gather and unpack the rows asked for."""
        rows = unpacked(xp.gather(arrays["values"], index), width, xp)
        return rows * decoded_steps(arrays, index, xp) if has_steps(arrays) else rows

    def error_bound(self, values: FloatArray) -> FloatArray:
        """Allow half a step, and more for the numbers beyond seven steps."""
        return step_bound(values, chosen_steps(values, -LEVELS, LEVELS, STEPS, False)[0], -LEVELS, LEVELS)

    def rounded(self, rows: Any) -> Any:
        """Round rows within a graph; the steps themselves stay as they are."""
        return rounded_rows(rows, -LEVELS, LEVELS, STEPS)
