"""Int8 with one scale for the whole table: the fewest operations and bytes of the int8 forms, and the largest error."""

from __future__ import annotations

from typing import ClassVar

from ondevice.quantize.int8 import Int8


class Int8Table(Int8):
    """Stores `q = round(x / s)` as int8 with `s = max|table| / 127`, so one large number makes every step large.

    The largest error is half a step; the root mean square 0.011 of a Gaussian table of 40,000 rows, and far more where
    rows differ in size.
    """

    by_number: ClassVar[bool] = True
    axis: ClassVar[int | None] = None
    step: ClassVar[str] = "scale"
