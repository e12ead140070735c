"""No quantization: the table as it was trained."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy.typing as npt

from ondevice.embeddings.method import FloatArray, Table
from ondevice.embeddings.ops import Ops
from ondevice.quantize.scheme import Arrays, Layout, Scheme


class Float32(Scheme):
    """Stores float32 values; decodes with one gather, bit for bit."""

    by_number: ClassVar[bool] = True

    def layout(self, rows: int, width: int, folds: bool = False) -> Layout:
        """Declare the table itself."""
        return {"values": ((rows, width), "float32")}

    def refuses(self, table: Table) -> str:
        """Suit every table."""
        return ""

    def encode(self, values: FloatArray, folds: bool = False) -> dict[str, npt.NDArray[Any]]:
        """Keep the values."""
        return {"values": values}

    def decode(self, arrays: Arrays, index: Any, xp: Ops, width: int) -> Any:
        """Gather the rows."""
        return xp.gather(arrays["values"], index)
