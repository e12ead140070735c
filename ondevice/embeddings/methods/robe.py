"""ROBE: every id's vector is put together from blocks of one small memory, found by hashing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from typing_extensions import Self

from ondevice.embeddings.hashes import LARGEST, hashed
from ondevice.embeddings.method import Method, Rows, Table, out_of_reach, require
from ondevice.embeddings.ops import Ops
from ondevice.ids import RESERVED_IDS
from ondevice.units import counted

BLOCK_SIZE = 8


@dataclass(frozen=True)
class Robe(Method):
    """`[M[h(i, 0)], ..., M[h(i, e / Z - 1)]]` (Desai et al., MLSys 2022): stores `m * Z + 2e` numbers.

    The memory `M` has `m` blocks of `Z` numbers, and `2e` numbers of padding and unknown in front. Two things differ
    from the authors' ROBE. Their blocks begin anywhere in the memory and overlap; here they begin at multiples of `Z`,
    so that an id is one gather of `e / Z` rows, each of which can have a quantization scale, instead of a gather of
    `e` single numbers, which cannot. And their hash multiplies 64-bit integers, which the runtimes' arithmetic lacks:
    `h(i, z)` is that of `ondevice.embeddings.hashes` for `i * e / Z + z`, below 2**31. The optional sign would take six
    more operations and is left out. The memory starts like an ordinary embedding, and so does what is read from it.

    Args:
        rows: blocks `m` that items share.
        block_size: numbers per block, `Z`; divides the width.
    """

    rows: int
    block_size: int = BLOCK_SIZE

    def check(self) -> None:
        """Refuse a block that does not divide the width and ids that the hash cannot tell apart."""
        _check_block_size(self.width, self.block_size)
        most = LARGEST // self.blocks
        require("vocabulary_size", self.vocabulary_size, self.vocabulary_size <= most, f"at most {most} for robe")
        require("rows", self.rows, 1 <= self.rows <= LARGEST, f"1 to {LARGEST}")

    @property
    def blocks(self) -> int:
        """Blocks per vector."""
        return self.width // self.block_size

    def tables(self) -> tuple[Table, ...]:
        """Declare the memory, the blocks of padding and unknown in front."""
        return (Table("memory", self.rows + RESERVED_IDS * self.blocks, self.block_size),)

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Gather the blocks of each id, all at once, and lay them end to end."""
        reserved = RESERVED_IDS * self.blocks
        # [...] -> [..., blocks]: a number of its own for every block of every id.
        numbers = xp.append_axis(ids) * self.blocks + np.arange(self.blocks, dtype=np.int32)
        # Zero for the blocks of reserved ids, and the hash of zero is zero: they find their own rows.
        shared = hashed(xp.maximum(numbers - (reserved - 1), 0), self.rows, 1, xp)
        return xp.join_last_axes(rows("memory", xp.minimum(numbers, reserved) + shared))

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose the number of blocks in the memory."""
        require("ratio", ratio, ratio >= 1 and math.isfinite(ratio), "a number of at least 1")
        block_size = options.get("block_size", BLOCK_SIZE)
        _check_block_size(width, block_size)
        reserved = RESERVED_IDS * (width // block_size)
        rows = int(vocabulary_size * width / ratio // block_size) - reserved
        if rows < 1:
            nearest = vocabulary_size * width / ((1 + reserved) * block_size)
            least = f"{counted(1 + reserved, 'block')} of {block_size} numbers"
            raise out_of_reach("robe", vocabulary_size, width, ratio, nearest, least)
        return cls(vocabulary_size, width, rows, **options)


def _check_block_size(width: int, block_size: int) -> None:
    fine = block_size >= 1 and width % block_size == 0
    require("block_size", block_size, fine, f"a number that divides the width {width}")
