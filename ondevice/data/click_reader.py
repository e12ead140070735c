"""The base of the readers of click logs: how often a value must occur to get an id."""

from __future__ import annotations

from typing import ClassVar

from ondevice.data.labelled import MINIMUM_COUNT
from ondevice.data.reader import Reader


class ClickReader(Reader):
    """Reads lines of a log, of which values become items.

    Args:
        minimum_count: how often a value must occur in training, at least.
    """

    settings: ClassVar[tuple[str, ...]] = ("minimum_count",)

    def __init__(self, minimum_count: int = MINIMUM_COUNT) -> None:
        self.minimum_count = minimum_count
