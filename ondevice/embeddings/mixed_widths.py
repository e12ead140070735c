"""Mixed dimension's arithmetic: blocks of equal popularity, and a width for each from how popular its rows are."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.method import FLOAT32_BYTES


def relative_widths(rows: Sequence[int], temperature: float) -> npt.NDArray[np.float64]:
    """Return each table's width over that of the table with the fewest rows, before rounding."""
    numbers = np.asarray(rows, np.float64)
    return np.asarray((numbers / numbers.min()) ** -temperature)


def numbers_stored(rows: int, block_width: int, width: int) -> int:
    """Return the numbers of a table and its projection, which it needs where it is narrower than the vectors."""
    return rows * block_width + (block_width * width if block_width < width else 0)


def useful_widths(rows: int, width: int) -> list[int]:
    """Return the widths that a block may have, rising as their bytes do in every encoding.

    The whole width needs no projection, and may so take less than the widths just below. A number of a projection is
    counted as four here, since no scheme encodes projections and rows may be bytes.
    """
    narrow = range(1, width)
    return [*(each for each in narrow if rows * each + each * width * FLOAT32_BYTES < rows * width), width]


def popularity_blocks(popularity: npt.ArrayLike, count: int) -> tuple[int, ...]:
    """Cut items into blocks of equal total popularity.

    Args:
        popularity: of each item, the most popular first, `[items]`.
        count: blocks, at least 1.

    Returns:
        the items of each block; less blocks where one item alone is more popular than a block should be. Their lengths
        rise, which rounding their ends to whole items may not leave so.
    """
    total = np.cumsum(np.asarray(popularity, np.float64))
    ends = np.searchsorted(total, total[-1] * np.arange(1, count) / count) + 1
    return tuple(sorted(np.diff(np.unique([0, *np.minimum(ends, len(total)), len(total)])).tolist()))


def zipf_popularity(items: int) -> npt.NDArray[np.float64]:
    """Return one over the rank: what is assumed of the popularity where no data are at hand."""
    return np.asarray(1 / np.arange(1, items + 1))


def widths_within(rows: Sequence[int], width: int, temperature: float, budget: float) -> tuple[int, ...] | None:
    """Return the widths of blocks that store at most so many numbers, projections counted; None where none do.

    The widths grow from 1 as the factor of the formula does. A block whose next step does not fit stops there and the
    others go on, so that the small blocks use what the large ones leave.

    Args:
        rows: rows of each block.
        width: the largest width.
        temperature: power of the popularity that the widths follow.
        budget: numbers stored, at most.
    """
    useful = [useful_widths(count, width) for count in rows]
    chosen = [widths[0] for widths in useful]
    left = budget - sum(numbers_stored(count, each, width) for count, each in zip(rows, chosen, strict=True))
    if left < 0:
        return None
    shares = relative_widths(rows, temperature)
    # A width is reached where the formula's value is rounded up to it.
    steps = sorted(
        ((before + 0.5) / share, block, after)
        for block, (widths, share) in enumerate(zip(useful, shares, strict=True))
        for before, after in itertools.pairwise(widths)
    )
    full: set[int] = set()
    for _, block, after in steps:
        price = numbers_stored(rows[block], after, width) - numbers_stored(rows[block], chosen[block], width)
        if block in full or price > left:
            full.add(block)
            continue
        chosen[block], left = after, left - price
    return tuple(chosen)
