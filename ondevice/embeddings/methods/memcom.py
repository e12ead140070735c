"""MEmCom: many ids share a row, and one number per id keeps them apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ondevice.embeddings import sharing as rule
from ondevice.embeddings.method import Rows, Table, require
from ondevice.embeddings.ops import Ops


@dataclass(frozen=True)
class MEmCom(rule.SharingMethod):
    """`U[i mod m] * V[i] (+ W[i])` (Pansare et al., MLSys 2022): stores `m * e + v` (with bias `m * e + 2v`) numbers.

    The ratio stays below `e`, with bias below `e / 2`. U starts like an ordinary embedding, V at one and W at zero,
    so that training starts at naive hashing and not at a product 35 times too small. At a learning rate that suits,
    AdamW makes up for other starts: nDCG@20 on Last.fm at 16x in random order is 0.257 from these, 0.259 where V
    starts like an embedding, too, and 0.252 where U starts near one, too; at a fifth of the rate 0.228, 0.175 and
    0.184. AMSGrad does the same, Adagrad stays behind (`tests/benchmarks/results/initial-values.md`).

    With `g` multipliers per id (not in the paper) each multiplies `e / g` neighbouring components, so that ids of one
    row need not be parallel: stores `m * e + g * v` numbers, and the ratio stays below `e / g`.

    Args:
        rows: shared rows `m`.
        sharing: `"mod"` as in the paper, or `"block"` where neighbours in the id order share a row.
        bias: whether each id also has a number that is added to all components.
        multipliers: multipliers per id, `g`; must divide the width.
    """

    bias: bool = False
    multipliers: int = 1

    def check(self) -> None:
        """Refuse also a number of multipliers that does not divide the width."""
        super().check()
        divides = self.multipliers >= 1 and self.width % self.multipliers == 0
        require("multipliers", self.multipliers, divides, f"a divisor of the width {self.width}")

    def tables(self) -> tuple[Table, ...]:
        """Declare the shared rows U, the multipliers V and, if asked for, the biases W."""
        tables = (
            Table("shared", self.shared_rows, self.width, scale_into="multiplier"),
            Table("multiplier", self.vocabulary_size, self.multipliers, "ones", per_id=True),
        )
        return (*tables, Table("bias", self.vocabulary_size, 1, "zeros", per_id=True)) if self.bias else tables

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Multiply each id's shared row by its own numbers and add its bias."""
        shared, multiplier = rows("shared", self.shared_row(ids, xp)), rows("multiplier", ids)
        if self.multipliers == 1:
            vectors = shared * multiplier
        else:
            groups = zip(xp.split(shared, self.multipliers), xp.split(multiplier, self.multipliers), strict=True)
            vectors = xp.concat([group * factor for group, factor in groups])
        return vectors + rows("bias", ids) if self.bias else vectors
