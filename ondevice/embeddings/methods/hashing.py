"""Naive hashing: ids share whole rows and cannot be told apart within a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ondevice.embeddings import sharing as rule
from ondevice.embeddings.method import Rows, Table
from ondevice.embeddings.ops import Ops


@dataclass(frozen=True)
class Hashing(rule.SharingMethod):
    """`E[i mod m]` (the hashing trick, Weinberger et al. 2009, as a gather): stores `m * e` numbers.

    Args:
        rows: shared rows `m`.
        sharing: `"mod"`, or `"block"` where neighbours in the id order share a row.
    """

    def tables(self) -> tuple[Table, ...]:
        """Declare the shared table."""
        return (Table("shared", self.shared_rows, self.width),)

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Return the shared row of each id."""
        return rows("shared", self.shared_row(ids, xp))
