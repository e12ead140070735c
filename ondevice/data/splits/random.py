"""Entries by chance: a share for test and as large a one for validation."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ondevice.data.log import Log
from ondevice.data.split import TEST, TRAIN, VALID, PartArray, Split, share


class Random(Split):
    """Draws entries with the same seed every time, whoever's they are."""

    form: ClassVar[str] = "random:SHARE"

    def __init__(self, argument: str) -> None:
        super().__init__(argument)
        self.share = share("random", argument)

    def parts(self, log: Log) -> tuple[PartArray, tuple[str, ...]]:
        """Return the part of every entry."""
        drawn = np.random.default_rng(0).random(len(log.lists.values))
        found = np.select([drawn < self.share, drawn < 2 * self.share], [TEST, VALID], TRAIN).astype(np.int8)
        if log.times is None:
            return found, ()
        # A model that has seen what came later is measured as better than it will be.
        return found, ("warning: the split is random although there are times, so the model learns from the future",)
