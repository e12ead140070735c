"""Quotient-remainder: two small tables, whose pair of rows is different for every id."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from typing_extensions import Self

from ondevice.embeddings.method import Method, Rows, Table, require
from ondevice.embeddings.ops import Ops
from ondevice.errors import UsageError, unknown_name
from ondevice.ids import RESERVED_IDS

OPERATIONS = ("multiply", "add", "concat")

INITIALIZERS = {
    "multiply": ("uniform", "near_one"),
    "add": ("uniform_of_two", "uniform_of_two"),
    "concat": ("uniform", "uniform"),
}
"""Initial values of the quotient and of the remainder table."""


@dataclass(frozen=True)
class QuotientRemainder(Method):
    """`Q[i // c] (op) R[i mod c]` (Shi et al., KDD 2020): stores `(ceil(n / c) + c) * e` numbers for `n` items.

    Smallest at `c = sqrt(n)`; the rows kept for padding and unknown (one of Q, two of R) come on top. For `multiply`
    the remainder rows start near one, so that the product starts like an ordinary embedding; for `add` both start such
    that their sum does. Where both tables together would not store less than the full one, the method is refused.

    Args:
        collisions: ids per quotient row, `c`.
        operation: how both rows are joined: `"multiply"`, `"add"`, or `"concat"` of half the width each.
    """

    collisions: int
    operation: str = "multiply"

    def check(self) -> None:
        """Refuse an unknown operation, an odd width for concat, collisions out of range and tables that only grow."""
        if self.operation not in OPERATIONS:
            raise unknown_name("operation", self.operation, OPERATIONS)
        require("collisions", self.collisions, 2 <= self.collisions <= self.items, f"2 to {self.items}")
        if self.operation == "concat":
            require("width", self.width, self.width % 2 == 0, "an even number for concat")
        rows = -(-self.items // self.collisions) + self.collisions
        if rows * self.row_width >= self.items * self.width:
            raise UsageError(
                f"quotient_remainder with {self.collisions} collisions would store {rows} rows of width "
                f"{self.row_width} for {self.items} items of width {self.width}, no fewer numbers than the full table; "
                f"use method full."
            )

    @property
    def ids_per_row(self) -> int:
        """Return how many neighbours share a quotient row."""
        return self.collisions

    @property
    def row_width(self) -> int:
        """Numbers per row of both tables."""
        return self.width // 2 if self.operation == "concat" else self.width

    def tables(self) -> tuple[Table, ...]:
        """Declare the quotient and the remainder table."""
        quotients = -(-self.items // self.collisions) + 1
        remainders = self.collisions + RESERVED_IDS
        quotient, remainder = INITIALIZERS[self.operation]
        return (
            Table("quotient", quotients, self.row_width, quotient),
            Table("remainder", remainders, self.row_width, remainder),
        )

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Join the quotient row and the remainder row of each id; both reserved ids have quotient row 0."""
        items_from_zero = ids - RESERVED_IDS
        quotient = rows("quotient", items_from_zero // self.collisions + 1)
        remainder = rows("remainder", xp.minimum(ids, items_from_zero % self.collisions + RESERVED_IDS))
        if self.operation == "multiply":
            return quotient * remainder
        return quotient + remainder if self.operation == "add" else xp.concat([quotient, remainder])

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose the smallest number of collisions, so the largest quotient table, that fits."""
        require("ratio", ratio, ratio >= 1 and math.isfinite(ratio), "a number of at least 1")
        items = vocabulary_size - RESERVED_IDS
        require("vocabulary_size", vocabulary_size, items >= 2, "at least 4 for quotient_remainder")

        # Beyond the square root the remainder table grows faster than the quotient table shrinks.
        smallest = max(2, math.isqrt(items))
        for collisions in range(2, smallest + 1):
            method = cls(vocabulary_size, width, collisions, **options)
            if method.ratio >= ratio:
                return method
        raise UsageError(
            f"ratio {ratio:g} is out of reach for quotient_remainder with {vocabulary_size} ids of width {width}: "
            f"it can reach at most {math.floor(method.ratio * 100) / 100:g}."
        )
