"""Tensor train: three small cores, of which each id multiplies one slice of each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from typing_extensions import Self

from ondevice.embeddings.method import Method, Rows, Table, out_of_reach, require
from ondevice.embeddings.ops import Ops
from ondevice.embeddings.sharing import run_of
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS, UNKNOWN_ID

PAIRS_AT_ONCE = 4_096
"""Products of two slices that a batch of many ids may have computed for all pairs; that is up to 262,144 items."""


@dataclass(frozen=True)
class TensorTrain(Method):
    """`G1[i1] G2[i2] G3[i3]` (Yin et al., TT-Rec, MLSys 2021): stores `m1*e1*r + r*m2*e2*s + s*m3*e3` numbers.

    The width is `e1 * e2 * e3` and the number of items at most `m1 * m2 * m3`, both split as evenly as can be. Number
    `i` has the digits `i1 = i mod m1`, `i2 = (i // m1) mod m2`, and `i3`, the run of neighbours that it is in, one of
    `m3`. Their slices are matrices of `e1 x r`, `r x (e2 s)` and `s x e3`, whose product is the vector. Padding and
    unknown have slices of their own in each core: two of the first, one of the others. Nothing in the index arithmetic
    is larger than the id.

    The first core starts like an ordinary embedding, the numbers of the others with the standard deviations
    `1 / sqrt(r)` and `1 / sqrt(s)`, since `r * s` products are added up. That sum is nearly normal; the source draws
    numbers away from zero instead, for the product of three normal ones is too often near zero.

    A batch of many ids multiplies every slice of the first core with every slice of the second, where these are few,
    instead of those of each id, whose slices of the middle core are the largest by far.

    Args:
        left_rank: `r`, columns of the first core's slices.
        right_rank: `s`, rows of the last core's slices.
    """

    left_rank: int
    right_rank: int

    def check(self) -> None:
        """Refuse ranks beyond which a core can express nothing more, and cores that only grow."""
        _check_size(self.vocabulary_size)
        (m1, m2, m3), (e1, e2, e3) = self.rows_for_items, self.widths
        most = min(m1 * e1, m2 * e2 * self.right_rank)
        require("left_rank", self.left_rank, 1 <= self.left_rank <= most, f"1 to {most}")
        most = min(m3 * e3, m2 * e2 * self.left_rank)
        require("right_rank", self.right_rank, 1 <= self.right_rank <= most, f"1 to {most}")
        if self.stored_parameters > self.full_parameters:
            raise UsageError(
                f"tensor_train with ranks {self.left_rank} and {self.right_rank} would store {self.stored_parameters} "
                f"numbers, more than the full table's {self.full_parameters}; use method full."
            )

    @property
    def rows_for_items(self) -> tuple[int, int, int]:
        """Slices for items of each core, `m1`, `m2` and `m3`."""
        return split_items(self.items)

    @property
    def widths(self) -> tuple[int, int, int]:
        """The factors of the width, `e1`, `e2` and `e3`."""
        return split_width(self.width)

    @property
    def runs(self) -> int:
        """Return into how many runs the items are cut: one per slice of the last core."""
        return self.rows_for_items[2]

    def tables(self) -> tuple[Table, ...]:
        """Declare the cores, one row per slice, the slices of the reserved ids in front."""
        (m1, m2, m3), (e1, e2, e3) = self.rows_for_items, self.widths
        left, right = self.left_rank, self.right_rank
        return (
            Table("core_1", m1 + RESERVED_IDS, e1 * left),
            Table("core_2", m2 + 1, left * e2 * right, "unit", gain=1 / math.sqrt(left)),
            Table("core_3", m3 + 1, right * e3, "unit", gain=1 / math.sqrt(right)),
        )

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Multiply the slices of each id, the first two first."""
        (m1, m2, m3), (e1, e2, _) = self.rows_for_items, self.widths
        items_from_zero = ids - RESERVED_IDS
        # For a reserved id the first argument is the smaller one, for an item the second.
        index_1 = xp.minimum(ids, items_from_zero % m1 + RESERVED_IDS)
        index_2 = xp.minimum(xp.maximum(ids - UNKNOWN_ID, 0), items_from_zero // m1 % m2 + 1)
        index_3 = run_of(items_from_zero, self.items, m3, xp) + 1

        def joined(index_1: Any, index_2: Any) -> Any:
            first = xp.unfold(rows("core_1", index_1), e1)
            second = xp.unfold(rows("core_2", index_2), self.left_rank)
            # [..., e1, r] x [..., r, e2 * s] -> [..., e1, e2 * s] -> [..., e1 * e2 * s]
            return xp.join_last_axes(xp.products(first, second))

        slices = m2 + 1
        pairs = (m1 + RESERVED_IDS) * slices
        if xp.batched and pairs <= PAIRS_AT_ONCE:
            every = np.arange(pairs, dtype=np.int32)
            both = xp.gather(joined(every // slices, every % slices), index_1 * slices + index_2)
        else:
            both = joined(index_1, index_2)
        third = xp.unfold(rows("core_3", index_3), self.right_rank)
        # [..., e1 * e2, s] x [..., s, e3] -> [..., e1 * e2, e3] -> [..., e]
        return xp.join_last_axes(xp.products(xp.unfold(both, e1 * e2), third))

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose the ranks that store most of what fits, neither more than twice the other.

        Two ranks instead of one leave less of the budget unused: products of two numbers lie close together.
        """
        require("ratio", ratio, ratio >= 1 and math.isfinite(ratio), "a number of at least 1")
        _check_size(vocabulary_size)
        (m1, m2, m3), (e1, e2, e3) = split_items(vocabulary_size - RESERVED_IDS), split_width(width)
        per_left, per_both, per_right = (m1 + RESERVED_IDS) * e1, (m2 + 1) * e2, (m3 + 1) * e3
        budget = int(vocabulary_size * width / ratio)
        found = []
        for left in range(1, m1 * e1 + 1):
            right = (budget - per_left * left) // (per_both * left + per_right)
            right = min(right, 2 * left, m3 * e3, m2 * e2 * left)
            if right >= 1 and left <= min(2, m2 * e2) * right:
                stored = per_left * left + per_both * left * right + per_right * right
                found.append((stored, -abs(left - right), left, right))
        if not found:
            nearest = vocabulary_size * width / (per_left + per_both + per_right)
            least = "three cores of rank 1"
            raise out_of_reach("tensor_train", vocabulary_size, width, ratio, nearest, least)
        *_, left, right = max(found)
        return cls(vocabulary_size, width, left, right, **options)


def split_items(items: int) -> tuple[int, int, int]:
    """Return three numbers of slices, as equal as can be, whose product is at least the number of items."""
    root = 2
    while root**3 < items:
        root += 1
    return root, root, -(-items // root**2)


def split_width(width: int) -> tuple[int, int, int]:
    """Return three factors of the width with the smallest sum, the smallest one in the middle.

    The slices of the middle core are the largest by far.
    """
    factors = [number for number in range(1, width + 1) if width % number == 0]
    sets = [(one, other, width // (one * other)) for one in factors for other in factors if width % (one * other) == 0]
    smallest, middle, largest = sorted(min(sets, key=sum))
    return largest, smallest, middle


def _check_size(vocabulary_size: int) -> None:
    # With fewer items some slices would belong to none.
    require("vocabulary_size", vocabulary_size, vocabulary_size >= 10, "at least 10 for tensor_train")
