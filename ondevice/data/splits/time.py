"""What came last for test: all entries from a date on, or a share of them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import ClassVar

import numpy as np

from ondevice.data.log import Log
from ondevice.data.split import TEST, TRAIN, VALID, PartArray, Split, share
from ondevice.errors import UsageError

UNITS = ((1e11, "seconds", 1.0), (1e14, "milliseconds", 1e3), (1e17, "microseconds", 1e6))
"""Up to which number times since 1970 are of a unit, and how many of it are a second; 1e11 seconds end in 5138."""

NANOSECONDS = ("nanoseconds", 1e9)


class Time(Split):
    """Cuts the time once for all users; validation is the last tenth, or as large a share, of what is before test."""

    form: ClassVar[str] = "time:DATE|SHARE"

    def __init__(self, argument: str) -> None:
        super().__init__(argument)
        self.date: datetime | None = None
        try:
            self.date = datetime.fromisoformat(argument)
        except ValueError:
            self.share = share("time", argument)
        else:
            self.share = 0.1
            self.date = self.date if self.date.tzinfo else self.date.replace(tzinfo=timezone.utc)

    def parts(self, log: Log) -> tuple[PartArray, tuple[str, ...]]:
        """Return the part of every entry."""
        times = log.times
        if times is None:
            raise UsageError(
                f"split is 'time:{self.argument}', and the data have no times; say their column: --time NAME."
            )
        notes: tuple[str, ...] = ()
        if self.date is None:
            start = float(np.quantile(times, 1 - self.share, method="higher"))
        else:
            unit, per_second = next(((name, per) for limit, name, per in UNITS if times.max() < limit), NANOSECONDS)
            start = self.date.timestamp() * per_second
            notes = (f"times are taken for {unit} of 1970",)
        before = times[times < start]
        if not len(before) or len(before) == len(times):
            raise UsageError(
                f"split is 'time:{self.argument}', and {'no' if not len(before) else 'every'} entry is before it."
            )
        middle = float(np.quantile(before, 1 - self.share, method="higher"))
        found = np.where(times >= start, TEST, np.where(times >= middle, VALID, TRAIN)).astype(np.int8)
        return found, notes
