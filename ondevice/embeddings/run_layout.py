"""One number per id laid out run by run, so that one gathered row brings the numbers of all ids of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.ops import NumpyOps, Ops
from ondevice.embeddings.sharing import BLOCK, reserved_rows, run_of
from ondevice.ids import RESERVED_IDS, run_lengths


@dataclass(frozen=True)
class RunLayout:
    """Rows of equal length for runs of neighbours: row 0 ends with both ids that are no items, row `r + 1` has run `r`.

    A runtime copies a row in one go but single numbers one by one. Runs that are one shorter
    than others leave the last place of their row empty, as row 0 does its first ones; the places of ids follow from
    their runs by arithmetic.

    Args:
        items: number of ids that are items.
        runs: number of runs, from 1 to `items`.
    """

    items: int
    runs: int

    @property
    def longest(self) -> int:
        """Places of a row."""
        length, longer = run_lengths(self.items, self.runs)
        return max(RESERVED_IDS, length + (longer > 0))

    @property
    def longer(self) -> int:
        """How many of the first runs fill their rows; all others leave one place empty, or none where all fill them."""
        length, longer = run_lengths(self.items, self.runs)
        return longer if length < self.longest else self.runs

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and places of each."""
        return reserved_rows(BLOCK) + self.runs, self.longest

    def place(self, ids: Any, xp: Ops) -> Any:
        """Return the place of each id when all rows are joined to one.

        Args:
            ids: int32 `[...]`.
            xp: the operations.

        Returns:
            int32 `[...]`.
        """
        items_from_zero = ids - RESERVED_IDS
        place = items_from_zero + self.longest
        if self.longer == self.runs:
            return place
        # One more for each row before that has an empty place at its end.
        run = run_of(items_from_zero, self.items, self.runs, xp)
        return place + xp.maximum(run - self.longer, 0)

    def first_id(self, run: Any, xp: Ops) -> Any:
        """Return the first id of each run, int32 `[...]` like the runs."""
        length, _ = run_lengths(self.items, self.runs)
        if length == self.longest:
            return run * length + RESERVED_IDS
        return run * length + RESERVED_IDS + xp.minimum(run, self.longer)

    def laid_out(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Lay out one number per id; an empty place repeats the number before it, so that it changes no range.

        Args:
            values: `[2 + items]`, or with further dimensions of length 1.

        Returns:
            of the same type, of the layout's shape.
        """
        every = np.arange(self.items + RESERVED_IDS, dtype=np.int32)
        ids = np.zeros(math.prod(self.shape), np.int32)
        ids[self.place(every, NumpyOps())] = every
        return values.reshape(-1)[np.maximum.accumulate(ids)].reshape(self.shape)
