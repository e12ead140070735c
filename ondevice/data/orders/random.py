"""Ids in random order: the control that shows what an order is worth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ondevice.data.order import Order
from ondevice.data.split_data import SplitData


class Random(Order):
    """Shuffles the items by the seed."""

    def arrange(self, data: SplitData, seed: int, runs: int) -> npt.NDArray[np.int64]:
        """Return a random permutation."""
        return np.random.default_rng(seed).permutation(data.items)
