"""The sample of KDD Cup 2012's search advertisements that OpenML has as no. 1220."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ondevice.data.click_table import ClickTable
from ondevice.data.clicks import ClickLog, collect_lines, number_lines
from ondevice.data.keys import Numbers
from ondevice.data.labelled import SPLITS
from ondevice.data.reader import ClickReader, find, regular
from ondevice.errors import OnDeviceError, UsageError

FILE = "Click_prediction_small.csv"
IMPRESSIONS = "impression"
"""How often the line was shown: a weight, which no model knows when it is asked."""

ENDS = (0.8, 0.9)
"""Where training and validation end; the rest is for the test."""


class KddCupClicks(ClickReader):
    """Reads the file, or the one of that name in a folder, perhaps with `.gz`.

    The lines have no time, so the splits are drawn, the same for everyone.
    """

    def read(self, name: str, path: Path | None) -> ClickLog:
        """Read the file and split its lines."""
        if path is None or not path.exists():
            raise UsageError(f"data {str(path)!r} does not exist; it must be {FILE}, or a folder with it.")
        table = ClickTable(find(path, FILE) if path.is_dir() else regular(path), (IMPRESSIONS,))
        fields = table.fields()
        numbers = Numbers()
        lines = collect_lines(table.lines(fields), fields, numbers)
        if len(lines) < len(SPLITS):
            raise OnDeviceError(f"{table.path} has {len(lines)} lines; every split needs some.")
        drawn = np.random.default_rng(0).permutation(len(lines))
        parts = np.split(drawn, [int(end * len(lines)) for end in ENDS])
        splits = {split: lines.of(part) for split, part in zip(SPLITS, parts, strict=True)}
        return number_lines(name, splits, fields, numbers, self.minimum_count)
