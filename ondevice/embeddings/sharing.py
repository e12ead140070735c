"""Which row an id shares with which others: the rules, written once for every method that shares rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from typing_extensions import Self

from ondevice.embeddings.method import Method, require, rows_for_ratio
from ondevice.embeddings.ops import Ops
from ondevice.errors import unknown_name
from ondevice.ids import RESERVED_IDS, run_lengths
from ondevice.registry import member_name

MOD = "mod"
BLOCK = "block"
RULES = (MOD, BLOCK)
"""`mod`: the remainder, as in the papers; ids that share a row are far apart in the id order.
`block`: the run of neighbours in the id order, which pays when neighbours are similar."""


def reserved_rows(sharing: str) -> int:
    """Return how many rows padding and unknown take: they stay outside the sharing."""
    return RESERVED_IDS if sharing == MOD else 1


def run_of(items_from_zero: Any, items: int, runs: int, xp: Ops) -> Any:
    """Return the run of neighbours to which each item belongs, one of those that `ondevice.ids.run_starts` lists.

    Runs that differ by one in length let any number of rows be used up; with runs of one length 40,981 items have
    nothing between 2,411 rows of 17 and 2,562 of 16.

    Args:
        items_from_zero: int32 `[...]`, the ids less those in front of the items, so negative for these.
        items: number of ids that are items.
        runs: number of runs, from 1 to `items`.
        xp: the operations.

    Returns:
        int32 `[...]`; for the two ids in front of the items -1, for those before them no less than what they are.
    """
    length, longer = run_lengths(items, runs)
    if longer:
        # The first runs are one longer: there the first quotient is the larger one, then the second.
        return xp.maximum(items_from_zero // (length + 1), (items_from_zero - longer) // length)
    # Flooring sends both reserved ids to -1, but runs of one id would send padding to -2.
    return items_from_zero // length if length > 1 else xp.maximum(items_from_zero, -1)


def shared_row(ids: Any, items: int, rows: int, sharing: str, xp: Ops) -> Any:
    """Return the row of each id in a shared table, with integer arithmetic only.

    Args:
        ids: int32 `[...]`.
        items: number of ids that are items.
        rows: number of rows for items, from 1 to `items`.
        sharing: `"mod"` or `"block"`.
        xp: the operations.

    Returns:
        int32 `[...]`. With `mod`, padding has row 0 and unknown row 1; with `block` both have row 0.
    """
    items_from_zero = ids - RESERVED_IDS
    if sharing == BLOCK:
        return run_of(items_from_zero, items, rows, xp) + 1
    # For a reserved id the first argument is the smaller one, for an item the second: no comparison needed.
    return xp.minimum(ids, items_from_zero % rows + RESERVED_IDS)


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
        if self.sharing not in RULES:
            raise unknown_name("sharing rule", self.sharing, RULES)
        require("rows", self.rows, self.rows >= 1, "at least 1")

    @property
    def item_rows(self) -> int:
        """Return the rows of the shared table that hold items: no more than there are items."""
        return min(self.rows, self.items)

    @property
    def runs(self) -> int:
        """Return into how many runs the items are cut: with `block` one per row."""
        return self.item_rows if self.sharing == BLOCK else self.items

    @property
    def shared_rows(self) -> int:
        """Return the rows of the shared table, those of the reserved ids included."""
        return self.item_rows + reserved_rows(self.sharing)

    def shared_row(self, ids: Any, xp: Ops) -> Any:
        """Return the row of each id in the shared table."""
        return shared_row(ids, self.items, self.item_rows, self.sharing, xp)

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose the number of shared rows."""
        # Made once before the size is known, so that a senseless option is named before a ratio out of reach.
        least = cls(vocabulary_size, width, 1, **options)
        per_id, reserved = sum(table.width for table in least.tables() if table.per_id), reserved_rows(least.sharing)
        name = member_name(cls)
        rows = rows_for_ratio(name, vocabulary_size, width, ratio, per_id=per_id, reserved=reserved)
        return cls(vocabulary_size, width, rows, **options)
