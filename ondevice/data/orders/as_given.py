"""Ids in the order in which the source numbers its items."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ondevice.data.interactions import Interactions
from ondevice.data.order import Order


class AsGiven(Order):
    """Keeps the source's order."""

    def arrange(self, interactions: Interactions, seed: int, runs: int) -> npt.NDArray[np.int64]:
        """Return 0, 1, 2, …"""
        return np.arange(interactions.items)
