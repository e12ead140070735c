"""Reduced width: the simplest compression, a full table of shorter rows. A baseline that is hard to beat."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from typing_extensions import Self

from ondevice.embeddings.method import Method, Rows, Table, out_of_reach, require
from ondevice.embeddings.ops import Ops


@dataclass(frozen=True)
class ReducedWidth(Method):
    """`E[i]` with rows of `e' < e` numbers (Kübler, Towards Data Science, 2024): stores `v * e'` numbers.

    The vectors stay narrow: nothing widens them, and what comes after the look-up gets narrower, too. The ratio counts
    against the full table of width `e` and is at most `e`. A row has a whole number of numbers, so only the ratios
    `e / e'` are met: at width 64 one of 40 is answered by one of 64. The rows start like those of an ordinary
    embedding.

    Args:
        kept: numbers per row, `e'`.
    """

    kept: int

    def check(self) -> None:
        """Refuse a row that is not shorter."""
        require("width", self.width, self.width >= 2, "at least 2 for reduced_width")
        require("kept", self.kept, 1 <= self.kept < self.width, f"1 to {self.width - 1}, below the width")

    @property
    def output_width(self) -> int:
        """Numbers per looked-up vector: those of a row."""
        return self.kept

    @property
    def order_matters(self) -> bool:
        """Every id has a row of its own."""
        return False

    def tables(self) -> tuple[Table, ...]:
        """Declare the table `[vocabulary_size, kept]`."""
        return (Table("table", self.vocabulary_size, self.kept),)

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Return row `i` for id `i`."""
        return rows("table", ids)

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose the numbers per row."""
        require("ratio", ratio, ratio >= 1 and math.isfinite(ratio), "a number of at least 1")
        kept = int(width / ratio)
        if kept < 1:
            raise out_of_reach("reduced_width", vocabulary_size, width, ratio, width, "one number per id")
        return cls(vocabulary_size, width, min(kept, width - 1), **options)
