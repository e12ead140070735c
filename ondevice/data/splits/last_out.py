"""The last entry of every user for test, the last but one for validation: leave one out."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ondevice.data.log import Log
from ondevice.data.split import NOWHERE, TEST, TRAIN, VALID, PartArray, Split
from ondevice.errors import OnDeviceError, UsageError

SHORTEST = 3
"""One item to learn from, one for validation, one for test."""


class LastOut(Split):
    """Leaves out users with fewer than three entries."""

    form: ClassVar[str] = "last-out"
    leaves_out: ClassVar[str] = f"with fewer than {SHORTEST} items"

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        if argument:
            raise UsageError(f"split is 'last-out:{argument}'; allowed is last-out alone.")

    def parts(self, log: Log) -> tuple[PartArray, tuple[str, ...]]:
        """Return the part of every entry."""
        lists = log.lists
        lengths = np.diff(lists.offsets)
        long = lengths >= SHORTEST
        if not long.any():
            raise OnDeviceError(
                f"split is last-out, and no user has {SHORTEST} entries or more; another split leaves less out."
            )
        found = np.full(len(lists.values), TRAIN, np.int8)
        found[lists.offsets[1:][long] - 1] = TEST
        found[lists.offsets[1:][long] - 2] = VALID
        found[np.repeat(~long, lengths)] = NOWHERE
        return found, ("the last item of each user is for test, the last but one for validation",)
