"""Tables of click logs: comma-separated values with a header line, one line per impression."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ondevice.data.clicks import CLICK, ClickLine
from ondevice.data.lines import text_lines
from ondevice.errors import OnDeviceError
from ondevice.tokenizer import BLANKS, FIELD_NAME, is_field

CLICKED = {"0": 0, "1": 1}

MOST_COLUMNS = 1_000
"""Every field is an id of each call, and an embedding beside the others."""


@dataclass(frozen=True)
class ClickTable:
    """A file with a column `click` of 0 and 1; its other columns are fields.

    Values may be in quotation marks, and blanks around a value are no part of it.

    Args:
        path: the file, perhaps compressed with gzip.
        ignored: columns that are neither.
    """

    path: Path
    ignored: tuple[str, ...] = ()

    def fields(self) -> tuple[str, ...]:
        """Return the names of the fields in the order of the header.

        Raises:
            OnDeviceError: the file is empty, or its header is not what it must be.
        """
        _, header = next(self._rows(), (0, []))
        missing = next((name for name in (CLICK, *self.ignored) if name not in header), None)
        if missing is not None:
            raise OnDeviceError(f"{self.path}, line 1: there is no column {missing!r} in {', '.join(header)[:80]!r}.")
        if len(header) > MOST_COLUMNS:
            raise OnDeviceError(f"{self.path}, line 1: {len(header):,} columns; allowed are {MOST_COLUMNS:,} at most.")
        twice = next((name for name in header if header.count(name) > 1), None)
        if twice is not None:
            raise OnDeviceError(f"{self.path}, line 1: column {twice[:40]!r} is there twice.")
        fields = tuple(name for name in header if name not in (CLICK, *self.ignored))
        if not fields:
            raise OnDeviceError(f"{self.path}, line 1: there is no column beside {CLICK!r}, so no field.")
        bad = next((name for name in fields if not is_field(name)), None)
        if bad is not None:
            raise OnDeviceError(f"{self.path}, line 1: column {bad[:40]!r} is not allowed; {FIELD_NAME}.")
        return fields

    def lines(self, fields: tuple[str, ...]) -> Iterator[ClickLine]:
        """Give whether there was a click and the values of the fields, line by line.

        Args:
            fields: names of the fields in the order wanted, which may be another than that of the header.

        Raises:
            OnDeviceError: the fields are others, or a line is malformed; the message names it.
        """
        own = self.fields()
        if set(own) != set(fields):
            raise OnDeviceError(
                f"{self.path}, line 1: the fields are {str(list(own))[:80]}; expected are {str(list(fields))[:80]}."
            )
        rows = self._rows()
        _, header = next(rows)
        places, click = [header.index(field) for field in fields], header.index(CLICK)
        for number, row in rows:
            if len(row) != len(header):
                raise OnDeviceError(f"{self.path}, line {number}: {len(row)} values; the header has {len(header)}.")
            if row[click] not in CLICKED:
                raise OnDeviceError(f"{self.path}, line {number}: click is {row[click][:40]!r}; allowed is 0 or 1.")
            yield CLICKED[row[click]], [row[place] for place in places]

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Give every line's number, that of its end where it has several, and its values."""
        number = 0

        def texts() -> Iterator[str]:
            nonlocal number
            for place, text in text_lines(self.path):
                number = place
                yield text

        try:
            for row in csv.reader(texts(), strict=True):
                yield number, [value.strip(BLANKS) for value in row]
        except csv.Error as error:
            raise OnDeviceError(f"{self.path}, line {number}: {error}.") from error
