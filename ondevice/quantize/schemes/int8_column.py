"""Int8 with a scale per column: as few operations as one scale, for tables whose columns differ in size."""

from __future__ import annotations

from typing import ClassVar

from ondevice.quantize.int8 import Int8


class Int8Column(Int8):
    """Stores `q = round(x / s)` as int8 with `s = max|column| / 127`; never a larger step than one for the table.

    The largest error is half a step of the column; the root mean square 0.010 of a Gaussian table of 40,000 rows, whose
    columns are equal in size.
    """

    by_number: ClassVar[bool] = True
    axis: ClassVar[int | None] = 0
    step: ClassVar[str] = "scales_of_columns"
