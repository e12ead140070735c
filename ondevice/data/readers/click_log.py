"""Click logs as comma-separated values in train, valid and test files."""

from __future__ import annotations

from pathlib import Path

from ondevice.data.click_table import ClickTable
from ondevice.data.clicks import ClickLog, number_lines
from ondevice.data.labelled import SPLITS
from ondevice.data.labelled_reader import ClickReader
from ondevice.data.reader import find
from ondevice.errors import UsageError


class ClickLogFiles(ClickReader):
    """Reads a folder with `train.csv`, `valid.csv` and `test.csv`, each perhaps with `.gz`.

    The first line names the columns: `click`, which holds 0 or 1, and the fields, whose order is that of `train.csv`.
    """

    def read(self, name: str, path: Path | None) -> ClickLog:
        """Read the three files."""
        if path is None or not path.is_dir():
            raise UsageError(f"data {str(path)!r} is not a folder; it must hold train.csv, valid.csv and test.csv.")
        tables = {split: ClickTable(find(path, f"{split}.csv")) for split in SPLITS}
        fields = tables["train"].fields()
        splits = {split: table.lines(fields) for split, table in tables.items()}
        return number_lines(name, splits, fields, self.minimum_count)
