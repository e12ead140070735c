"""JSON lines: an object per line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar

import pyarrow as pa

from ondevice.data.lines import text_lines
from ondevice.data.row_format import RowFormat
from ondevice.errors import OnDeviceError

ROWS = 1 << 16
"""Rows that are given at a time."""


class JsonLines(RowFormat):
    """A text with an object per line; a field may be missing in some of them."""

    endings: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson", ".json")

    def names(self) -> tuple[str, ...]:
        """Return the fields of the first object."""
        self.refuse_names()
        found = next(self._objects(), None)
        if found is None:
            raise OnDeviceError(f"{self.path} is empty; allowed is an object per line.")
        return tuple(found[1])

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Give the fields as texts."""
        objects = self._objects()
        while some := list(islice(objects, ROWS)):
            yield pa.record_batch(
                {
                    column: pa.array(
                        [self._text(each.get(column), number, column) for number, each in some], pa.string()
                    )
                    for column in columns
                }
            )

    def _objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, line in text_lines(self.path):
            try:
                found = json.loads(line, parse_float=str, parse_int=str, parse_constant=lambda name: None)
            except (ValueError, RecursionError) as error:
                raise OnDeviceError(f"{self.path}, line {number} is no JSON: {error}.") from error
            if not isinstance(found, dict):
                raise OnDeviceError(f'{self.path}, line {number} is no object; allowed is one, as {{"user": …}}.')
            yield number, found

    def _text(self, value: Any, number: int, column: str) -> str | None:
        # Numbers stay as they are written.
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise OnDeviceError(
                f"{self.path}, line {number}: {column} is {str(value)[:40]!r}; allowed is a text or a number."
            )
        return value
