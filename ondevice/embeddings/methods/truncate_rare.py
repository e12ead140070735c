"""Truncation: frequent items own rows, rare ones are unknown. The baseline that says what the long tail is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from typing_extensions import Self

from ondevice.embeddings.method import Method, Rows, Table, require, rows_for_ratio
from ondevice.embeddings.ops import Ops
from ondevice.ids import RESERVED_IDS, UNKNOWN_ID


@dataclass(frozen=True)
class TruncateRare(Method):
    """`E[i] if i < 2 + k else E[1]` (a baseline of Pansare et al., MLSys 2022): stores `(k + 2) * e` numbers.

    The `k` items that come first in the id order own a row, all others have that of the unknown id, so ids must be
    ordered by falling frequency. The rows start like those of an ordinary embedding.

    Args:
        kept: items with a row of their own, `k`.
    """

    kept: int

    def check(self) -> None:
        """Refuse a number of items that leaves none out."""
        require("vocabulary_size", self.vocabulary_size, self.items >= 2, "at least 4 for truncate_rare")
        require("kept", self.kept, 1 <= self.kept < self.items, f"1 to {self.items - 1}, so that some are rare")

    @property
    def needs_order(self) -> str:
        """Only by falling frequency do the first items deserve the rows."""
        return "frequency"

    @property
    def unknown_from(self) -> int:
        """The first id whose item has no row."""
        return self.kept + RESERVED_IDS

    def tables(self) -> tuple[Table, ...]:
        """Declare the rows of padding, unknown and the items kept."""
        return (Table("table", self.unknown_from, self.width),)

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Return the row of each id that has one, the unknown id's for the others."""
        known = xp.minimum(ids, self.unknown_from)
        # Row 0 stays out of the circle of rows, in which the first id without a row comes round to unknown.
        circle = self.unknown_from - UNKNOWN_ID
        return rows("table", xp.minimum(known, (known - UNKNOWN_ID) % circle + UNKNOWN_ID))

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose the number of items kept."""
        kept = rows_for_ratio("truncate_rare", vocabulary_size, width, ratio, per_id=0, reserved=RESERVED_IDS)
        return cls(vocabulary_size, width, min(kept, vocabulary_size - RESERVED_IDS - 1), **options)
