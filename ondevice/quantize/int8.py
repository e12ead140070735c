"""Int8 with a step for some numbers of a table: what the schemes have in common that differ in which."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.method import FloatArray
from ondevice.embeddings.ops import Ops
from ondevice.quantize.scheme import Arrays, Layout, Scheme

LEVELS = 127
ROWS_PER_BLOCK = 4_096
"""Rows that are rounded at once, which bounds the memory needed."""


class Int8(Scheme):
    """Stores `q = round(x / s)` as int8 with `s = largest / 127`; symmetric, so zero stays zero."""

    axis: ClassVar[int | None]
    """What a step is for: 1 each row, 0 each column, None the table."""

    step: ClassVar[str]
    """Name of the array of steps."""

    def layout(self, rows: int, width: int, folds: bool = False) -> Layout:
        """Declare a byte per number, and the steps."""
        values: Layout = {"values": ((rows, width), "int8")}
        shape = {1: (rows, 1), 0: (width,), None: (1,)}[self.axis]
        return values if folds and self.scales else {**values, self.step: (shape, "float32")}

    def steps(self, values: FloatArray) -> FloatArray:
        """Return the steps, float32 as they are stored; that of zeros is 1."""
        highest, lowest = (some(values, axis=self.axis, keepdims=self.axis == 1) for some in (np.max, np.min))
        steps = np.atleast_1d(np.maximum(highest, -lowest) / np.float32(LEVELS))
        return np.where(steps > 0, steps, np.float32(1))

    def encode(self, values: FloatArray, folds: bool = False) -> dict[str, npt.NDArray[Any]]:
        """Round every number to its step."""
        steps, whole = self.steps(values), np.empty(values.shape, np.int8)
        of_rows = np.broadcast_to(steps, (len(values), steps.shape[-1]))
        # Block by block: each step of all rows at once would take as much memory as the table.
        for start in range(0, len(values), ROWS_PER_BLOCK):
            block = slice(start, start + ROWS_PER_BLOCK)
            whole[block] = np.clip(np.rint(values[block] / of_rows[block]), -LEVELS, LEVELS)
        return {"values": whole, self.step: steps}

    def decode(self, arrays: Arrays, index: Any, xp: Ops, width: int) -> Any:
        """Gather and widen the rows asked for, never the table; multiply by the steps unless they are absorbed."""
        rows = xp.to_float(xp.gather(arrays["values"], index))
        if self.step not in arrays:
            return rows
        return rows * (xp.gather(arrays[self.step], index) if self.axis == 1 else arrays[self.step])
