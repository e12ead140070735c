"""Quotient-remainder: two small tables, whose pair of rows is different for every id."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from typing_extensions import Self

from ondevice.embeddings.method import Method, Rows, Table, out_of_reach, require
from ondevice.embeddings.ops import Ops
from ondevice.embeddings.sharing import run_of
from ondevice.errors import UsageError, unknown_name
from ondevice.ids import RESERVED_IDS

OPERATIONS = ("multiply", "add", "concat", "features")

INITIALIZERS = {
    "multiply": ("uniform", "near_one"),
    "add": ("uniform_of_two", "uniform_of_two"),
    "concat": ("uniform", "uniform"),
    "features": ("uniform", "uniform"),
}
"""Initial values of the quotient and of the remainder table."""


@dataclass(frozen=True)
class QuotientRemainder(Method):
    """`Q[i // c] (op) R[i mod c]` (Shi et al., KDD 2020): stores `(m + c) * e` numbers for `m` rows of Q.

    Where the paper's quotients are runs of `c` items, of which the last is shorter, here `m * c >= n` suffices for
    `n` items: they are cut into `m` runs, whose lengths differ by one at most and are no more than `c`, so that `m`
    can be whatever fits. Smallest at `c = sqrt(n)`; the rows kept for padding and unknown (one of Q, two of R) come
    on top. For `multiply` the remainder rows start near one, so that the product starts like an ordinary embedding
    (which helps AdamW at low learning rates only, see `tests/benchmarks/results/initial-values.md`); for `add` both
    start such that their sum does. Where both tables together would not store less than the full one, the method is
    refused.

    Args:
        collisions: rows of the remainder table for items, and the most that share a quotient row, `c`.
        rows: rows of the quotient table for items, `m`; the paper's number is `ceil(n / c)`.
        operation: how both rows are joined: `"multiply"`, `"add"`, `"concat"` of half the width each, or `"features"`,
            the paper's feature generation: both side by side in full width, twice the width in all.
    """

    collisions: int
    rows: int
    operation: str = "multiply"

    def check(self) -> None:
        """Refuse an unknown operation, an odd width for concat, sizes out of range and tables that only grow."""
        if self.operation not in OPERATIONS:
            raise unknown_name("operation", self.operation, OPERATIONS)
        require("collisions", self.collisions, 2 <= self.collisions <= self.items, f"2 to {self.items}")
        least = -(-self.items // self.collisions)
        allowed = f"{least} to {self.items} for {self.items} items and {self.collisions} collisions"
        require("rows", self.rows, least <= self.rows <= self.items, allowed)
        if self.operation == "concat":
            require("width", self.width, self.width % 2 == 0, "an even number for concat")
        rows = self.rows + self.collisions
        if rows * self.row_width >= self.items * self.width:
            raise UsageError(
                f"quotient_remainder with {self.collisions} collisions would store {rows} rows of width "
                f"{self.row_width} for {self.items} items of width {self.width}, no fewer numbers than the full table; "
                f"use method full."
            )

    @property
    def runs(self) -> int:
        """Return into how many runs the items are cut: one per quotient row."""
        return self.rows

    @property
    def row_width(self) -> int:
        """Numbers per row of both tables."""
        return self.width // 2 if self.operation == "concat" else self.width

    @property
    def output_width(self) -> int:
        """Numbers per looked-up vector."""
        return 2 * self.width if self.operation == "features" else self.width

    def tables(self) -> tuple[Table, ...]:
        """Declare the quotient and the remainder table."""
        quotient, remainder = INITIALIZERS[self.operation]
        return (
            Table("quotient", self.rows + 1, self.row_width, quotient),
            Table("remainder", self.collisions + RESERVED_IDS, self.row_width, remainder),
        )

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Join the quotient row and the remainder row of each id; both reserved ids have quotient row 0."""
        items_from_zero = ids - RESERVED_IDS
        quotient = rows("quotient", run_of(items_from_zero, self.items, self.rows, xp) + 1)
        # No run is longer than `collisions`, so that neighbours of one run differ in the remainder.
        remainder = rows("remainder", xp.minimum(ids, items_from_zero % self.collisions + RESERVED_IDS))
        if self.operation == "multiply":
            return quotient * remainder
        return quotient + remainder if self.operation == "add" else xp.concat([quotient, remainder])

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose the fewest collisions that can do, so the largest quotient table, and fill the budget with rows."""
        require("ratio", ratio, ratio >= 1 and math.isfinite(ratio), "a number of at least 1")
        items = vocabulary_size - RESERVED_IDS
        require("vocabulary_size", vocabulary_size, items >= 2, "at least 4 for quotient_remainder")

        # Beyond the square root the remainder table grows faster than the quotient table shrinks.
        most = max(2, math.isqrt(items))
        smallest = cls(vocabulary_size, width, most, -(-items // most), **options)
        total = int(vocabulary_size * width / ratio // smallest.row_width) - 1 - RESERVED_IDS
        for collisions in range(2, most + 1):
            rows = min(total - collisions, items)
            if rows * collisions >= items:
                return cls(vocabulary_size, width, collisions, rows, **options)
        least = " and ".join(f"{table.rows} rows of {table.name}" for table in smallest.tables())
        raise out_of_reach("quotient_remainder", vocabulary_size, width, ratio, smallest.ratio, least)
