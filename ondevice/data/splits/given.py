"""The parts that the data come in: a file each for training, validation and test."""

from __future__ import annotations

from typing import ClassVar

from ondevice.data.log import Log
from ondevice.data.split import PartArray, Split
from ondevice.errors import UsageError


class Given(Split):
    """Takes every entry's file for its part."""

    form: ClassVar[str] = "given"

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        if argument:
            raise UsageError(f"split is 'given:{argument}'; allowed is given alone.")

    def parts(self, log: Log) -> tuple[PartArray, tuple[str, ...]]:
        """Return the part of every entry."""
        if log.tables is None:
            raise UsageError("split is given; allowed is it for a folder with a table each of train, valid and test.")
        return log.tables, ()
