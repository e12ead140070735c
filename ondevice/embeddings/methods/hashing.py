"""Naive hashing: ids share whole rows and cannot be told apart within a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from typing_extensions import Self

from ondevice.embeddings import sharing as rule
from ondevice.embeddings.method import Method, Rows, Table, require, rows_for_ratio
from ondevice.embeddings.ops import Ops


@dataclass(frozen=True)
class Hashing(Method):
    """`E[i mod m]` (the hashing trick, Weinberger et al. 2009, as a gather): stores `m * e` numbers.

    Args:
        rows: shared rows `m`.
        sharing: `"mod"`, or `"block"` where neighbours in the id order share a row.
    """

    rows: int
    sharing: str = rule.MOD

    def check(self) -> None:
        """Refuse an unknown sharing rule and a table without rows."""
        rule.check_rule(self.sharing)
        require("rows", self.rows, self.rows >= 1, "at least 1")

    @property
    def ids_per_row(self) -> int:
        """Return how many neighbours share a row."""
        return rule.ids_per_row(self.items, self.rows) if self.sharing == rule.BLOCK else 1

    def tables(self) -> tuple[Table, ...]:
        """Declare the shared table."""
        return (Table("shared", rule.shared_rows(self.items, self.rows, self.sharing), self.width),)

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Return the shared row of each id."""
        return rows("shared", rule.shared_row(ids, self.items, self.rows, self.sharing, xp))

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose the number of shared rows."""
        reserved = rule.reserved_rows(options.get("sharing", rule.MOD))
        rows = rows_for_ratio("hashing", vocabulary_size, width, ratio, per_id=0, reserved=reserved)
        return cls(vocabulary_size, width, rows, **options)
