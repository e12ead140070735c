"""The full table: one row per id, no compression. The baseline of every comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from typing_extensions import Self

from ondevice.embeddings.method import Method, Rows, Table, require
from ondevice.embeddings.ops import Ops


@dataclass(frozen=True)
class Full(Method):
    """`E[i]`: stores `v * e` numbers for `v` ids of width `e`."""

    @property
    def least_ids(self) -> int:
        """A table of one row is one."""
        return 1

    @property
    def order_matters(self) -> bool:
        """Every id has a row of its own."""
        return False

    def tables(self) -> tuple[Table, ...]:
        """Declare the table `[vocabulary_size, width]`."""
        return (Table("table", self.vocabulary_size, self.width),)

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Return row `i` for id `i`."""
        return rows("table", ids)

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Return the full table, which has ratio 1 and no other."""
        require("ratio of full", ratio, ratio == 1, "1: the full table is not compressed")
        return cls(vocabulary_size, width, **options)
