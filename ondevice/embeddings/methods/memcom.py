"""MEmCom: many ids share a row, and one number per id keeps them apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from typing_extensions import Self

from ondevice.embeddings import sharing as rule
from ondevice.embeddings.method import Rows, Table, rows_for_ratio
from ondevice.embeddings.ops import Ops


@dataclass(frozen=True)
class MEmCom(rule.SharingMethod):
    """`U[i mod m] * V[i] (+ W[i])` (Pansare et al., MLSys 2022): stores `m * e + v` (with bias `m * e + 2v`) numbers.

    The ratio stays below `e`, with bias below `e / 2`. U starts like an ordinary embedding, V at one and W at zero,
    so that training starts at naive hashing and not at a product 35 times too small.

    Args:
        rows: shared rows `m`.
        sharing: `"mod"` as in the paper, or `"block"` where neighbours in the id order share a row.
        bias: whether each id also has a number that is added to all components.
    """

    bias: bool = False

    def tables(self) -> tuple[Table, ...]:
        """Declare the shared rows U, the multipliers V and, if asked for, the biases W."""
        tables = (
            Table("shared", self.shared_rows, self.width, scale_into="multiplier"),
            Table("multiplier", self.vocabulary_size, 1, "ones", per_id=True),
        )
        return (*tables, Table("bias", self.vocabulary_size, 1, "zeros", per_id=True)) if self.bias else tables

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Multiply each id's shared row by its own number and add its bias."""
        vectors = rows("shared", self.shared_row(ids, xp)) * rows("multiplier", ids)
        return vectors + rows("bias", ids) if self.bias else vectors

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose the number of shared rows."""
        per_id = 2 if options.get("bias", False) else 1
        reserved = rule.reserved_rows(options.get("sharing", rule.MOD))
        rows = rows_for_ratio("memcom", vocabulary_size, width, ratio, per_id=per_id, reserved=reserved)
        return cls(vocabulary_size, width, rows, **options)
