"""The base of every id order: which item gets which id. Chosen freely, since the app ships the vocabulary."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.data.interactions import Interactions
from ondevice.registry import Registry


class Order(ABC):
    """An id order; it sees the training split only."""

    neighbours_similar: ClassVar[bool] = False
    """Whether neighbours in this order are similar, so that sharing a row with neighbours pays."""

    @abstractmethod
    def arrange(self, interactions: Interactions, seed: int, ids_per_row: int) -> npt.NDArray[np.int64]:
        """Return the items in id order, a permutation int64 `[items]`.

        Args:
            interactions: the data set, of which only `train` may be used.
            seed: seed for whatever is random.
            ids_per_row: how many neighbours will share a row, from the first item on; 1 if none do.
        """


registry: Registry[Order] = Registry("order", "ondevice.data.orders", Order)
