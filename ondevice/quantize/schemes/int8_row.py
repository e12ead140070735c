"""Int8 with a scale per row: GATHER, CAST and one multiplication, right on every runtime since 2.8."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.method import FloatArray, Table
from ondevice.embeddings.ops import Ops
from ondevice.quantize.scheme import Arrays, Scheme, rounding_slack

LEVELS = 127
SCALE_BYTES = 4


class Int8Row(Scheme):
    """Stores `q = round(x / s)` as int8 with `s = max|row| / 127`; symmetric, so zero stays zero.

    Faster than the runtime's own EMBEDDING_LOOKUP on int8 and more accurate than one scale per table. The largest
    error is half a step of the row, `s / 2`.
    """

    scales: ClassVar[str] = "scales"

    def refuses(self, table: Table) -> str:
        """Refuse narrow tables, whose scales would outweigh what is saved."""
        stored, plain = table.width + SCALE_BYTES, table.width * 4
        if stored < plain:
            return ""
        return f"a row of {table.width} would take {stored} bytes with its own scale and takes {plain} bytes as float32"

    def encode(self, values: FloatArray) -> dict[str, npt.NDArray[Any]]:
        """Round every row to its own step."""
        scales = row_scales(values)
        return {
            "values": np.clip(np.rint(values / scales), -LEVELS, LEVELS).astype(np.int8),
            "scales": scales,
        }

    def decode(self, arrays: Arrays, index: Any, xp: Ops) -> Any:
        """Gather and widen the rows asked for, never the table; multiply by the scales unless they are absorbed."""
        rows = xp.to_float(xp.gather(arrays["values"], index))
        return rows * xp.gather(arrays["scales"], index) if "scales" in arrays else rows

    def error_bound(self, values: FloatArray) -> FloatArray:
        """Allow half a step."""
        return row_scales(values) / 2 + rounding_slack(values)


def row_scales(values: FloatArray) -> FloatArray:
    """Return the step of each row, float32 `[rows, 1]`; a row of zeros has step 1."""
    largest = np.max(np.abs(values), axis=1, keepdims=True)
    scales = (largest / LEVELS).astype(np.float32)
    return np.where(scales > 0, scales, np.float32(1))
