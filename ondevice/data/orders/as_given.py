"""Ids in the order in which the source numbers its items."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ondevice.data.order import Order
from ondevice.data.split_data import SplitData


class AsGiven(Order):
    """Keeps the source's order."""

    def arrange(self, data: SplitData, seed: int, runs: int) -> npt.NDArray[np.int64]:
        """Return 0, 1, 2, …"""
        return np.arange(data.items)
