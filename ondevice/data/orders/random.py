"""Ids in random order: the control that shows what an order is worth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ondevice.data.interactions import Interactions
from ondevice.data.order import Order


class Random(Order):
    """Shuffles the items by the seed."""

    def arrange(self, interactions: Interactions, seed: int, runs: int) -> npt.NDArray[np.int64]:
        """Return a random permutation."""
        return np.random.default_rng(seed).permutation(interactions.items)
