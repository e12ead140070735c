"""Mixed dimension: popular ids have wide rows and rare ones narrow rows, which a projection widens."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from typing_extensions import Self

from ondevice.embeddings.method import Counts, Method, Rows, Table, out_of_reach, require
from ondevice.embeddings.mixed_widths import (
    numbers_stored,
    popularity_blocks,
    useful_widths,
    widths_within,
    zipf_popularity,
)
from ondevice.embeddings.ops import Ops
from ondevice.ids import RESERVED_IDS
from ondevice.units import counted

BLOCKS = 8
TEMPERATURE = 0.3
POPULARITY, FIELD = "popularity", "field"
BLOCKS_BY = (POPULARITY, FIELD)


@dataclass(frozen=True)
class MixedDimension(Method):
    """`E_b[i - start_b] P_b` (Ginart et al., ISIT 2021): stores `n_b * d_b + d_b * e` numbers for each block `b`.

    Ids in the order of falling frequency are cut into blocks of equal total popularity, as the source does it for
    collaborative filtering, so `n_b` rises. For click prediction it has a table per field instead, and so has this one
    by the fields: the blocks are those of the order `field`, and a row of a field with fewer values is more popular.
    The width follows the popularity of one row to the power of the temperature, `d_b = l * n_b ** -a`, at least 1 and
    at most `e`; where it is `e` there is no projection. Padding and unknown have the first two rows of the first
    block. Projections have no bias.

    Shapes are static on the device, so every block is computed for every id and multiplied by 0 or 1: that costs the
    gathers and products of all blocks, `(d_1 + d_2 + ...) * e` multiplications per id instead of `d_b * e`.

    The rows start like an ordinary embedding, and a projection such that it keeps their size.

    Args:
        widths: width of each block, e.g. `"64x20x6"`.
        blocks: items of each block, e.g. `"12x300x4000"`, as their counts in training cut them. Where `for_ratio` is
            given none, as before there are any data, it assumes Zipf's law: counts of one over the rank.
        block_count: blocks that the items are cut into where `blocks` does not say.
        temperature: power `a` that the widths follow.
        by: what the blocks are cut by, `"popularity"` or `"field"`.
    """

    widths: str
    blocks: str = ""
    block_count: int = BLOCKS
    temperature: float = TEMPERATURE
    by: str = POPULARITY

    def check(self) -> None:
        """Refuse blocks that are not those of the items, and widths that are not those of the blocks."""
        _check_options(self.block_count, self.temperature, self.by)
        items = _numbers("blocks", self.blocks, f"items of each block that add up to {self.items}, e.g. 12x300x4000")
        require("blocks", self.blocks, sum(items) == self.items, f"numbers that add up to {self.items} items")
        allowed = f"a width of 1 to {self.width} for each of {len(items)} blocks, e.g. 64x20x6"
        widths = _numbers("widths", self.widths, allowed)
        require("widths", self.widths, len(widths) == len(items) and max(widths) <= self.width, allowed)

    @property
    def needs_order(self) -> str:
        """Blocks are cut by popularity or by field."""
        return "frequency" if self.by == POPULARITY else "field"

    @property
    def rows_and_widths(self) -> tuple[tuple[int, int], ...]:
        """Rows and width of each block, the rows of the reserved ids in the first."""
        rows = [int(word) for word in self.blocks.split("x")]
        rows[0] += RESERVED_IDS
        return tuple(zip(rows, (int(word) for word in self.widths.split("x")), strict=True))

    def tables(self) -> tuple[Table, ...]:
        """Declare each block's rows and, where these are narrower than the vectors, its projection."""
        found: list[Table] = []
        for number, (count, narrow) in enumerate(self.rows_and_widths, start=1):
            found.append(Table(f"block_{number}", count, narrow))
            if narrow < self.width:
                gain = 1 / math.sqrt(narrow)
                found.append(Table(f"projection_{number}", narrow, self.width, "unit", whole=True, gain=gain))
        return tuple(found)

    def lookup(self, ids: Any, rows: Rows, xp: Ops) -> Any:
        """Add up what each block says of an id: its row, widened, or zeros where the id is in another one."""
        blocks = self.rows_and_widths
        starts = [0, *itertools.accumulate(count for count, _ in blocks)]
        # 1 from the first id of a block on; the difference to the next block's is 1 inside and 0 elsewhere.
        reached = [1, *(xp.minimum(xp.maximum(ids - (start - 1), 0), 1) for start in starts[1:-1]), 0]
        total = None
        for block, (count, narrow) in enumerate(blocks):
            row = xp.minimum(xp.maximum(ids - starts[block], 0), count - 1)
            inside = xp.to_float(reached[block] - reached[block + 1])
            vectors = rows(f"block_{block + 1}", row) * xp.append_axis(inside)
            if narrow < self.width:
                vectors = xp.project(vectors, rows(f"projection_{block + 1}", np.arange(narrow, dtype=np.int32)))
            total = vectors if total is None else total + vectors
        return total

    @classmethod
    def options_from_counts(cls, counts: Counts, options: Mapping[str, Any]) -> dict[str, Any]:
        """Cut the items into blocks by their counts or fields, unless blocks are given."""
        if options.get("blocks"):
            return dict(options)
        count, by = options.get("block_count", BLOCKS), options.get("by", POPULARITY)
        _check_options(count, options.get("temperature", TEMPERATURE), by)
        blocks = counts.fields if by == FIELD else popularity_blocks(counts.falling[RESERVED_IDS:], count)
        return {**options, "blocks": _text(blocks)}

    @classmethod
    def for_ratio(cls, vocabulary_size: int, width: int, ratio: float, **options: Any) -> Self:
        """Choose the widths; the factor of the formula is what the budget decides."""
        require("ratio", ratio, ratio >= 1 and math.isfinite(ratio), "a number of at least 1")
        items, temperature = vocabulary_size - RESERVED_IDS, options.get("temperature", TEMPERATURE)
        count = options.get("block_count", BLOCKS)
        _check_options(count, temperature, options.get("by", POPULARITY))
        blocks = options.get("blocks") or _text(popularity_blocks(zipf_popularity(items), count))
        # Made once before the size is known, so that a senseless option is named before a ratio out of reach.
        ones = _text((1,) * len(blocks.split("x")))
        least = cls(vocabulary_size, width, ones, **{**options, "blocks": blocks})
        rows = [count for count, _ in least.rows_and_widths]
        widths = widths_within(rows, width, temperature, vocabulary_size * width / ratio)
        if widths is None:
            smallest = sum(numbers_stored(count, useful_widths(count, width)[0], width) for count in rows)
            nearest = vocabulary_size * width / smallest
            numbers = f"rows and projections of {counted(len(rows), 'block')}, {smallest} numbers,"
            raise out_of_reach("mixed_dimension", vocabulary_size, width, ratio, nearest, numbers)
        return cls(vocabulary_size, width, _text(widths), **{**options, "blocks": blocks})


def _check_options(block_count: int, temperature: float, by: str) -> None:
    require("block_count", block_count, block_count >= 1, "at least 1")
    require("temperature", temperature, 0 <= temperature <= 1, "0 to 1")
    require("by", by, by in BLOCKS_BY, " or ".join(map(repr, BLOCKS_BY)))


def _text(numbers: tuple[int, ...]) -> str:
    return "x".join(map(str, numbers))


def _numbers(field: str, text: str, allowed: str) -> tuple[int, ...]:
    """Read whole numbers of at least 1, joined by x."""
    words = text.split("x")
    require(field, text, all(word.isdecimal() and int(word) >= 1 for word in words), allowed)
    return tuple(map(int, words))
