"""The base of every id order: which item gets which id. Chosen freely, since the app ships the vocabulary."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.data.split_data import SplitData
from ondevice.registry import Registry


class Order(ABC):
    """An id order; it sees the training split only."""

    neighbours_similar: ClassVar[bool] = False
    """Whether neighbours in this order are similar, so that sharing a row with neighbours pays."""

    @abstractmethod
    def arrange(self, data: SplitData, seed: int, runs: int) -> npt.NDArray[np.int64]:
        """Return the items in id order, a permutation int64 `[items]`.

        Args:
            data: the data set, of which only the training split may be used: `contexts`, `counts`, `leanings`.
            seed: seed for whatever is random.
            runs: into how many runs, by `ondevice.ids.run_starts`, the items will be cut, each of which shares a row;
                as many as items if none share.
        """

    def vectors(self, data: SplitData, seed: int) -> npt.NDArray[np.float32] | None:
        """Return a vector per item such that similar items have similar ones, float32 `[items, any]`, if it knows any.

        Args:
            data: the data set, of which only the training split may be used: `contexts`, `counts`, `leanings`.
            seed: seed for whatever is random.
        """
        return None


registry: Registry[Order] = Registry("order", "ondevice.data.orders", Order)
