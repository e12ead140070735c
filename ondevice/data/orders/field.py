"""Ids by field: the values of each field of a click log together, as if each had a table of its own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ondevice.data.order import Order
from ondevice.data.split_data import SplitData


class Field(Order):
    """Sorts items by the size of their field and, within it, by how often they occur in training, most frequent first.

    The fields with the fewest values come first. Data without fields are of one, so that this is the order `frequency`;
    ties keep the source's order.
    """

    def arrange(self, data: SplitData, seed: int, runs: int) -> npt.NDArray[np.int64]:
        """Return the items field by field."""
        fields = data.item_fields
        return np.lexsort((-data.counts, fields, np.bincount(fields)[fields])).astype(np.int64)
