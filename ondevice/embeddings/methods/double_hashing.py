"""Double hashing: two hash functions choose two rows whose sum is the vector, so that few ids agree in both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from typing_extensions import Self

from ondevice.embeddings.hashes import check_hashable, hashed
from ondevice.embeddings.method import Method, Rows, Table, require, rows_for_ratio
from ondevice.embeddings.ops import Ops
from ondevice.ids import RESERVED_IDS


@dataclass(frozen=True)
class DoubleHashing(Method):
    """`E[i mod m] + E[h(i)]` (Zhang et al., RecSys 2020; a baseline of MEmCom): stores `(m + f) * e` numbers.

    The first hash function is the remainder, the second one that of `ondevice.embeddings.hashes`; both choose from one
    pool, whose `m` rows make `m * m / 2` different sums. As in the source, the `f` most frequent ids can be kept apart.
    Their own row is chosen twice, as is that of a reserved id, which needs no operation to tell them from the others.
    The rows start such that a sum of two starts like an ordinary embedding.

    Args:
        rows: rows of the pool that are shared, `m`.
        frequent: first items in the id order that own a row, `f`; with any, ids must be ordered by falling frequency.
    """

    rows: int
    frequent: int = 0

    def check(self) -> None:
        """Refuse ids beyond int32, and rows that are not shared."""
        check_hashable(self.vocabulary_size)
        require("frequent", self.frequent, 0 <= self.frequent < self.items, f"0 to {self.items - 1}")
        most = self.items - self.frequent
        require("rows", self.rows, 1 <= self.rows <= most, f"1 to {most}, the items that share rows")

    @property
    def needs_order(self) -> str:
        """Only by falling frequency do the first items deserve rows of their own."""
        return "frequency" if self.frequent else ""

    @property
    def owned(self) -> int:
        """Ids with a row of their own, the reserved ones included."""
        return RESERVED_IDS + self.frequent

    def tables(self) -> tuple[Table, ...]:
        """Declare the pool: first the rows owned, then those shared."""
        return (Table("pool", self.owned + self.rows, self.width, "uniform_of_two"),)

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Add both rows of each id."""
        # For an owned id the first argument is the smaller one, for another the second: no comparison needed.
        first = xp.minimum(ids, (ids - self.owned) % self.rows + self.owned)
        # Owned ids are hashed as zero, which gives zero.
        number = xp.maximum(ids - (self.owned - 1), 0)
        second = xp.minimum(ids, self.owned) + hashed(number, self.rows, 1, xp)
        return rows("pool", first) + rows("pool", second)

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose the number of shared rows."""
        reserved = RESERVED_IDS + options.get("frequent", 0)
        rows = rows_for_ratio("double_hashing", vocabulary_size, width, ratio, per_id=0, reserved=reserved)
        return cls(vocabulary_size, width, min(rows, vocabulary_size - reserved), **options)
