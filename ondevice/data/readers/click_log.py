"""Click logs as comma-separated values in train, valid and test files."""

from __future__ import annotations

from pathlib import Path

from ondevice.data.click_table import ClickTable
from ondevice.data.clicks import ClickLog, collect_lines, number_lines
from ondevice.data.keys import Numbers
from ondevice.data.reader import ClickReader, split_files


class ClickLogFiles(ClickReader):
    """Reads a folder with `train.csv`, `valid.csv` and `test.csv`, each perhaps with `.gz`.

    The first line names the columns: `click`, which holds 0 or 1, and the fields, whose order is that of `train.csv`.
    """

    def read(self, name: str, path: Path | None) -> ClickLog:
        """Read the three files."""
        files = split_files(path, ".csv")
        tables = {split: ClickTable(file) for split, file in files.items()}
        fields = tables["train"].fields()
        numbers = Numbers()
        splits = {split: collect_lines(table.lines(fields), fields, numbers) for split, table in tables.items()}
        return number_lines(name, splits, fields, numbers, self.minimum_count)
