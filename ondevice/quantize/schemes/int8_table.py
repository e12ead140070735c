"""Int8 with one scale for the whole table: the fewest operations and bytes of the int8 forms, and the largest error."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.method import FloatArray
from ondevice.embeddings.ops import Ops
from ondevice.quantize.scheme import Arrays, Layout, Scheme, rounding_slack

LEVELS = 127


class Int8Table(Scheme):
    """Stores `q = round(x / s)` as int8 with `s = max|table| / 127`, so one large number makes every step large.

    The largest error is half a step; the root mean square 0.011 of a Gaussian table of 40,000 rows, and far more where
    rows differ in size.
    """

    by_number: ClassVar[bool] = True

    def layout(self, rows: int, width: int, folds: bool = False) -> Layout:
        """Declare a byte per number and one scale."""
        return {"values": ((rows, width), "int8"), "scale": ((1,), "float32")}

    def encode(self, values: FloatArray, folds: bool = False) -> dict[str, npt.NDArray[Any]]:
        """Round the table to one step."""
        scale = table_scale(values)
        return {"values": np.clip(np.rint(values / scale), -LEVELS, LEVELS).astype(np.int8), "scale": scale}

    def decode(self, arrays: Arrays, index: Any, xp: Ops, width: int) -> Any:
        """Gather and widen the rows asked for, then multiply."""
        return xp.to_float(xp.gather(arrays["values"], index)) * arrays["scale"]

    def error_bound(self, values: FloatArray) -> FloatArray:
        """Allow half a step."""
        return table_scale(values) / 2 + rounding_slack(values)


def table_scale(values: FloatArray) -> FloatArray:
    """Return the step of the table, float32 `[1]`; a table of zeros has step 1."""
    scale = np.full(1, np.max(np.abs(values)) / LEVELS, np.float32)
    return np.where(scale > 0, scale, np.float32(1))
