"""One-hot hashing: feature hashing as a dense layer. The baseline that shows what a look-up saves on the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from typing_extensions import Self

from ondevice.embeddings.hashes import check_hashable, hashed
from ondevice.embeddings.method import Method, Rows, Table, require, rows_for_ratio
from ondevice.embeddings.ops import Ops
from ondevice.ids import RESERVED_IDS, UNKNOWN_ID

_SIGN = 2
"""The hash function that chooses the sign; the first one chooses the bucket."""


@dataclass(frozen=True)
class OneHotHashing(Method):
    """`s(i) * onehot(h(i)) M` (Weinberger et al., ICML 2009; a baseline of MEmCom): stores `m * e` numbers.

    The hash functions are those of `ondevice.embeddings.hashes`; padding and unknown have two rows of their own
    besides, and no sign. The matrix starts like an ordinary embedding. The vectors are those of hashing, but the
    device multiplies the whole matrix for every id instead of reading one row: with `L` ids per call it needs memory
    for `L * m` float32 numbers and `L * m * e` multiplications. In training rows are gathered, which gives the same.

    The matrix stays float32 whatever the recipe, in the dense layers' format, too, for look-ups are compared bit for
    bit.

    Args:
        rows: rows of the matrix that items share, `m`.
        signed: whether a second hash function turns half of the vectors round, so that ids of one row need not agree.
    """

    rows: int
    signed: bool = False

    def check(self) -> None:
        """Refuse ids beyond int32, and rows that are not shared."""
        check_hashable(self.vocabulary_size)
        require("rows", self.rows, 1 <= self.rows <= self.items, f"1 to {self.items} items")

    def tables(self) -> tuple[Table, ...]:
        """Declare the matrix, the rows of the reserved ids in front."""
        return (Table("matrix", RESERVED_IDS + self.rows, self.width, whole=True),)

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Multiply the one-hot vector of each id's bucket by the matrix."""
        # Reserved ids are hashed as zero, which gives zero.
        number = xp.maximum(ids - UNKNOWN_ID, 0)
        bucket = xp.minimum(ids, RESERVED_IDS) + hashed(number, self.rows, 1, xp)
        matrix = rows("matrix", np.arange(RESERVED_IDS + self.rows, dtype=np.int32))
        vectors = xp.one_hot_product(bucket, matrix)
        if not self.signed:
            return vectors
        return vectors * xp.append_axis(xp.to_float(1 - 2 * hashed(number, 2, _SIGN, xp)))

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose the number of rows."""
        rows = rows_for_ratio("one_hot_hashing", vocabulary_size, width, ratio, per_id=0, reserved=RESERVED_IDS)
        return cls(vocabulary_size, width, min(rows, vocabulary_size - RESERVED_IDS), **options)
