"""Int8 with a scale per row: GATHER, CAST and one multiplication, right on every runtime since 2.8."""

from __future__ import annotations

from typing import ClassVar

from ondevice.quantize.int8 import Int8


class Int8Row(Int8):
    """Stores `q = round(x / s)` as int8 with `s = max|row| / 127`; symmetric, so zero stays zero.

    Faster than the runtime's own EMBEDDING_LOOKUP on int8 and more accurate than one scale per table. The largest
    error is half a step of the row, `s / 2`; the root mean square 0.0059 of a Gaussian table of width 64. Scales stay
    float32: as one byte they would save 4 % of such a row and cost each look-up two operations more.
    """

    scales: ClassVar[str] = "scales"
    axis: ClassVar[int | None] = 1
    step: ClassVar[str] = "scales"
