"""Quotient-remainder: two small tables, whose pair of rows is different for every id."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from typing_extensions import Self

from ondevice.embeddings.method import Counts, Method, Rows, Table, out_of_reach, require
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

    With a threshold the values of small fields of a click log own a row each, as the paper's small tables are not
    compressed: a quotient row, beside one remainder row for all of them, or half a row of both for `concat`. The order
    `field` has these ids first.

    Args:
        collisions: rows of the remainder table for items, and the most that share a quotient row, `c`.
        rows: rows of the quotient table for items, `m`; the paper's number is `ceil(n / c)`.
        operation: how both rows are joined: `"multiply"`, `"add"`, `"concat"` of half the width each, or `"features"`,
            the paper's feature generation: both side by side in full width, twice the width in all.
        threshold: values of a field, up to which each owns its row; 0 for none.
        own: first items that own their row, as the fields of the data say.
    """

    collisions: int
    rows: int
    operation: str = "multiply"
    threshold: int = 0
    own: int = 0

    def check(self) -> None:
        """Refuse an unknown operation, an odd width for concat, sizes out of range and tables that only grow."""
        if self.operation not in OPERATIONS:
            raise unknown_name("operation", self.operation, OPERATIONS)
        require("threshold", self.threshold, self.threshold >= 0, "at least 0")
        require("own", self.own, 0 <= self.own <= self.items - 2, f"0 to {self.items - 2}, since others share rows")
        items = self.shared_items
        require("collisions", self.collisions, 2 <= self.collisions <= items, f"2 to {items}")
        least = -(-items // self.collisions)
        allowed = f"{least} to {items} for {items} items and {self.collisions} collisions"
        require("rows", self.rows, least <= self.rows <= items, allowed)
        if self.operation == "concat":
            require("width", self.width, self.width % 2 == 0, "an even number for concat")
        rows = self.rows + self.collisions
        if rows * self.row_width >= items * self.width:
            raise UsageError(
                f"quotient_remainder with {self.collisions} collisions would store {rows} rows of width "
                f"{self.row_width} for {items} items of width {self.width}, no fewer numbers than the full table; "
                f"use method full."
            )

    @property
    def needs_order(self) -> str:
        """Only by field do the values of small fields come first."""
        return "field" if self.own else ""

    @property
    def runs(self) -> int:
        """Return into how many runs the items are cut: one per quotient row, where all of them share."""
        return self.items if self.own else self.rows

    @property
    def owned(self) -> int:
        """Ids with a row of their own, the reserved ones included."""
        return RESERVED_IDS + self.own

    @property
    def shared_items(self) -> int:
        """Items that share rows."""
        return self.items - self.own

    @property
    def rows_of_owned(self) -> tuple[int, int]:
        """Rows of the quotient and of the remainder table that the owned ids have."""
        of_remainder = self.owned if self.operation == "concat" else RESERVED_IDS
        return (self.owned, of_remainder) if self.own else (1, RESERVED_IDS)

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
        of_quotient, of_remainder = self.rows_of_owned
        return (
            Table("quotient", self.rows + of_quotient, self.row_width, quotient),
            Table("remainder", self.collisions + of_remainder, self.row_width, remainder),
        )

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Join the quotient row and the remainder row of each id; where no item owns one, reserved ids share Q's."""
        from_zero = ids - self.owned
        run = run_of(from_zero, self.shared_items, self.rows, xp)
        # No run is longer than `collisions`, so that neighbours of one run differ in the remainder.
        place = from_zero % self.collisions
        of_quotient, of_remainder = self.rows_of_owned
        # For an owned id the first argument is the smaller one, for another the second: no comparison needed.
        quotient = rows("quotient", xp.minimum(ids, run + of_quotient) if self.own else run + of_quotient)
        # Items that own a quotient row have the second remainder row, reserved ids the first.
        together = of_remainder < self.owned
        first = xp.minimum(xp.maximum(ids - 1, 0), xp.maximum(from_zero + 2, 1)) if together else ids
        remainder = rows("remainder", xp.minimum(first, place + of_remainder))
        if self.operation == "multiply":
            return quotient * remainder
        return quotient + remainder if self.operation == "add" else xp.concat([quotient, remainder])

    @classmethod
    def options_from_counts(cls, counts: Counts, options: Mapping[str, Any]) -> dict[str, Any]:
        """Let the values of fields with no more than the threshold own their rows, unless it is said how many do."""
        threshold = options.get("threshold", 0)
        if not threshold or options.get("own"):
            return dict(options)
        return {**options, "own": sum(size for size in counts.fields if size <= threshold)}

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose the fewest collisions that can do, so the largest quotient table, and fill the budget with rows."""
        require("ratio", ratio, ratio >= 1 and math.isfinite(ratio), "a number of at least 1")
        items = vocabulary_size - RESERVED_IDS - options.get("own", 0)
        require("vocabulary_size", vocabulary_size, items >= 2, "at least 4 for quotient_remainder, and 2 that share")

        # Beyond the square root the remainder table grows faster than the quotient table shrinks.
        most = max(2, math.isqrt(items))
        smallest = cls(vocabulary_size, width, most, -(-items // most), **options)
        total = int(vocabulary_size * width / ratio // smallest.row_width) - sum(smallest.rows_of_owned)
        for collisions in range(2, most + 1):
            rows = min(total - collisions, items)
            if rows * collisions >= items:
                return cls(vocabulary_size, width, collisions, rows, **options)
        least = " and ".join(f"{table.rows} rows of {table.name}" for table in smallest.tables())
        raise out_of_reach("quotient_remainder", vocabulary_size, width, ratio, smallest.ratio, least)
