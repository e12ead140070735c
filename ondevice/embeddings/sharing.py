"""Which row an id shares with which others: the two rules, written once for every method that shares rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ondevice.embeddings.method import Method, require
from ondevice.embeddings.ops import Ops
from ondevice.errors import unknown_name
from ondevice.ids import RESERVED_IDS

MOD = "mod"
BLOCK = "block"
RULES = (MOD, BLOCK)
"""`mod`: the remainder, as in the papers; ids that share a row are far apart in the id order.
`block`: the quotient; neighbours in the id order share a row, which pays when neighbours are similar."""


def check_rule(sharing: str) -> None:
    """Raise a `UsageError` unless the rule exists."""
    if sharing not in RULES:
        raise unknown_name("sharing rule", sharing, RULES)


def reserved_rows(sharing: str) -> int:
    """Return how many rows padding and unknown take: they stay outside the sharing."""
    return RESERVED_IDS if sharing == MOD else 1


def ids_per_row(items: int, rows: int) -> int:
    """Return the block size with which at most `rows` rows hold all items."""
    return -(-items // rows)


def shared_rows(items: int, rows: int, sharing: str) -> int:
    """Return how many rows a shared table has in all, when at most `rows` of them hold items."""
    used = min(rows, items) if sharing == MOD else -(-items // ids_per_row(items, rows))
    return used + reserved_rows(sharing)


def shared_row(ids: Any, items: int, rows: int, sharing: str, xp: Ops) -> Any:
    """Return the row of each id in a shared table, with integer arithmetic only.

    Args:
        ids: int32 `[...]`.
        items: number of ids that are items.
        rows: number of rows for items that the table was asked to have.
        sharing: `"mod"` or `"block"`.
        xp: the operations.

    Returns:
        int32 `[...]`. With `mod`, padding has row 0 and unknown row 1; with `block` both have row 0.
    """
    items_from_zero = ids - RESERVED_IDS
    if sharing == BLOCK:
        # Flooring sends both reserved ids to -1, but blocks of one id would send padding to -2.
        return xp.maximum(items_from_zero // ids_per_row(items, rows) + 1, 0)
    # For a reserved id the first argument is the smaller one, for an item the second: no comparison needed.
    return xp.minimum(ids, items_from_zero % min(rows, items) + RESERVED_IDS)


@dataclass(frozen=True)
class SharingMethod(Method):
    """A method with one table whose rows several ids share by a rule.

    Args:
        rows: shared rows for items.
        sharing: one of `RULES`.
    """

    rows: int
    sharing: str = MOD

    def check(self) -> None:
        """Refuse an unknown sharing rule and a table without rows."""
        check_rule(self.sharing)
        require("rows", self.rows, self.rows >= 1, "at least 1")

    @property
    def ids_per_row(self) -> int:
        """Return how many neighbours share a row."""
        return ids_per_row(self.items, self.rows) if self.sharing == BLOCK else 1

    @property
    def shared_rows(self) -> int:
        """Return the rows of the shared table, those of the reserved ids included."""
        return shared_rows(self.items, self.rows, self.sharing)

    def shared_row(self, ids: Any, xp: Ops) -> Any:
        """Return the row of each id in the shared table."""
        return shared_row(ids, self.items, self.rows, self.sharing, xp)
