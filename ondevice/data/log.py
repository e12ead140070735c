"""What users did, as numbers: every user's entries together, in the order of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ondevice.data.keys import Numbers
from ondevice.data.lists import Lists


@dataclass(frozen=True)
class Log:
    """What users did.

    Args:
        lists: the numbers of each user's items, in the order of time where there is one and else in that of the rows.
        times: the time of each entry, float64 `[entries]`; None without times.
        tables: the place of the table that each entry is from, int8 `[entries]`; None where tables are parts of one.
        items: the number of every item's key.
        titles: what items are called, by their number.
        notes: what was left out or found, each a part of a sentence.
    """

    lists: Lists
    times: npt.NDArray[np.float64] | None
    tables: npt.NDArray[np.int8] | None
    items: Numbers
    titles: dict[int, str]
    notes: tuple[str, ...]
