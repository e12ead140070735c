"""Ids by falling frequency: with sharing by remainder the most frequent items never share a row among themselves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ondevice.data.order import Order
from ondevice.data.split_data import SplitData


class Frequency(Order):
    """Sorts items by how often they occur in training, the most frequent first; ties keep the source's order."""

    def arrange(self, data: SplitData, seed: int, runs: int) -> npt.NDArray[np.int64]:
        """Return the items by falling training count."""
        return np.argsort(-data.counts, kind="stable")
