"""Factorized: narrow rows and one projection that widens them. The strongest of the simple baselines."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from typing_extensions import Self

from ondevice.embeddings.method import FloatArray, Method, Rows, Table, out_of_reach, require
from ondevice.embeddings.ops import NumpyOps, Ops


@dataclass(frozen=True)
class Factorized(Method):
    """`N[i] P` (Lan et al., ALBERT, ICLR 2020): stores `(v + e) * r` numbers, `r` per id and a projection.

    The projection `P` of `r` rows has no bias, which in a model of dot products would give each item a term of its own.
    The ratio stays below `e`. The narrow rows start like an ordinary embedding and the projection such that it keeps
    their size: its numbers have the standard deviation `1 / sqrt(r)`, for `r` products are added up.

    With a trained width `t` the narrow table is a product itself while it is trained, of rows of `t` numbers with a
    matrix of `t` rows (MLET, arXiv 2309.15881): every id's gradient then moves the rows of others, too. Both are
    multiplied out at the end, so that it costs nothing on the device.

    Args:
        rank: numbers per id, `r`.
        trained_width: `t`, at least the rank; 0 for training the narrow table itself.
    """

    rank: int
    trained_width: int = 0

    def check(self) -> None:
        """Refuse a rank with which more would be stored than by the full table, and a trained width below it."""
        require("width", self.width, self.width >= 2, "at least 2 for factorized")
        most = self.full_parameters // (self.vocabulary_size + self.width)
        require("rank", self.rank, 1 <= self.rank <= most, f"1 to {most}, so that no more is stored than by full")
        fine = self.trained_width == 0 or self.trained_width >= self.rank
        require("trained_width", self.trained_width, fine, f"0 or at least the rank {self.rank}")

    @property
    def order_matters(self) -> bool:
        """Every id has numbers of its own, and the projection belongs to all."""
        return False

    def tables(self) -> tuple[Table, ...]:
        """Declare the narrow table and the projection; while a trained width is used, also the matrix between them."""
        projection = Table("projection", self.rank, self.width, "unit", whole=True, gain=1 / math.sqrt(self.rank))
        if not self.trained_width:
            return (Table("narrow", self.vocabulary_size, self.rank), projection)
        gain = 1 / math.sqrt(self.trained_width)
        return (
            Table("narrow", self.vocabulary_size, self.trained_width),
            Table("narrowing", self.trained_width, self.rank, "unit", whole=True, gain=gain),
            projection,
        )

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Widen the narrow row of each id."""
        narrow = rows("narrow", ids)
        if self.trained_width:
            narrow = xp.project(narrow, _all_rows("narrowing", self.trained_width, rows))
        return xp.project(narrow, _all_rows("projection", self.rank, rows))

    def stored(self) -> Factorized:
        """Return the method without a trained width."""
        return replace(self, trained_width=0)

    def fold(self, tables: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Multiply the narrow table out, in the order in which the look-up does."""
        if not self.trained_width:
            return dict(tables)
        narrow = NumpyOps().project(tables["narrow"], tables["narrowing"])
        return {"narrow": narrow, "projection": tables["projection"]}

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose the rank, no larger than a trained width.

        There is nothing between two ranks, which are `v + e` numbers apart: up to that much of the budget stays unused.
        """
        require("ratio", ratio, ratio >= 1 and math.isfinite(ratio), "a number of at least 1")
        # Made once before the size is known, so that a senseless option is named before a ratio out of reach.
        least = cls(vocabulary_size, width, 1, **options)
        rank = int(vocabulary_size * width / ratio // (vocabulary_size + width))
        if rank < 1:
            numbers = "one number per id and one row"
            raise out_of_reach("factorized", vocabulary_size, width, ratio, least.ratio, numbers)
        return cls(vocabulary_size, width, min(rank, least.trained_width or rank), **options)


def _all_rows(table: str, count: int, rows: Rows) -> Any:
    return rows(table, np.arange(count, dtype=np.int32))
