"""Hash embeddings: several hash functions choose rows, and every id weighs its rows with numbers of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ondevice.embeddings import sharing as rule
from ondevice.embeddings.hashes import check_hashable, hashed
from ondevice.embeddings.method import Rows, Table, require
from ondevice.embeddings.ops import Ops
from ondevice.ids import UNKNOWN_ID


@dataclass(frozen=True)
class HashEmbedding(rule.SharingMethod):
    """`sum over j of P[i, j] * E[h_j(i)]` (Svenstrup et al., NIPS 2017): stores `m * e + k * v` numbers.

    The first of the `k` hash functions is the remainder (or the block), the others are those of
    `ondevice.embeddings.hashes`. The weights are not hashed: with `k = 1` this is MEmCom without bias. The ratio stays
    below `e / k`. The rows start like those of an ordinary embedding and every weight at `1 / sqrt(k)`, so that the
    sum starts like one, too; the start of the authors' code is about 400 times smaller.

    Args:
        rows: shared rows `m`.
        sharing: `"mod"` as the first hash function, or `"block"` where neighbours in the id order share it.
        hashes: rows per id, `k`.
    """

    hashes: int = 2

    def check(self) -> None:
        """Refuse also ids beyond int32 and less than one hash function."""
        super().check()
        check_hashable(self.vocabulary_size)
        require("hashes", self.hashes, self.hashes >= 1, "at least 1")

    def tables(self) -> tuple[Table, ...]:
        """Declare the shared rows E and the weights P, which absorb the scale of a row where an id has only one."""
        return (
            Table("shared", self.shared_rows, self.width, scale_into="weights" if self.hashes == 1 else ""),
            Table("weights", self.vocabulary_size, self.hashes, "equal_shares", per_id=True),
        )

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Add up each id's rows, in the order of the hash functions, each row times its weight."""
        weights = rows("weights", ids)
        first, *others = xp.split(weights, self.hashes) if self.hashes > 1 else [weights]
        vectors = rows("shared", self.shared_row(ids, xp)) * first
        for function, weight in enumerate(others, start=1):
            vectors = vectors + rows("shared", self._hashed_row(ids, function, xp)) * weight
        return vectors

    def _hashed_row(self, ids: Any, function: int, xp: Ops) -> Any:
        reserved = rule.reserved_rows(self.sharing)
        # Reserved ids are hashed as zero, which gives zero.
        number = xp.maximum(ids - UNKNOWN_ID, 0)
        start = xp.minimum(ids if self.sharing == rule.MOD else number, reserved)
        return start + hashed(number, self.item_rows, function, xp)
