"""Separated values: CSV, TSV and what has other separators, with or without a line of names."""

from __future__ import annotations

import csv
import functools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.csv as arrow_csv

from ondevice.data.lines import text_lines
from ondevice.data.row_format import RowFormat, ending
from ondevice.errors import OnDeviceError

BLOCK_BYTES = 1 << 24
"""Bytes that are read at a time; no row is longer."""

SEPARATORS = {".csv": (",", ";", "\t"), ".tsv": ("\t",), ".inter": ("\t",)}
OTHERS = ("\t", "::", ",", ";", "|", " ")
"""What may stand between values, by the ending of the file's name and for all other endings."""

UNUSED = "\x1f"
"""Stands for a separator of several characters: one that no text has."""


class Separated(RowFormat):
    """A text of values with a separator between them; a value in quotation marks may hold separators and line ends.

    The separator is the first of `SEPARATORS` that the first line holds, unless one is named. Quotation marks mean
    nothing where it is not a comma or semicolon.
    """

    endings: ClassVar[tuple[str, ...]] = (".csv", ".tsv", ".dat", ".data", ".txt", ".inter")

    @functools.cached_property
    def between(self) -> str:
        """What stands between two values."""
        found = (each for each in SEPARATORS.get(ending(self.path), OTHERS) if each in self.first_line)
        return self.separator or next(found, "\t")

    @functools.cached_property
    def first_line(self) -> str:
        """The first line, which may hold the names."""
        number, line = next(text_lines(self.path), (0, ""))
        if not number:
            raise OnDeviceError(f"{self.path} is empty; allowed is a line of column names and a line for each row.")
        return line.rstrip("\r\n")

    @property
    def quoted(self) -> bool:
        """Whether quotation marks are no part of a value."""
        return self.between in (",", ";")

    def names(self) -> tuple[str, ...]:
        """Return the names that were given, as many as there are values, or those of the first line."""
        quoted = csv.reader([self.first_line], delimiter=self.between) if self.quoted else None
        words = next(quoted, []) if quoted else self.first_line.split(self.between)
        if self.given_names:
            return (*self.given_names, *[""] * len(words))[: len(words)]
        if ending(self.path) == ".inter":
            # RecBole's names say a type, too: `user_id:token`.
            words = [word.partition(":")[0] for word in words]
        twice = next((word for word, count in Counter(words).items() if word and count > 1), None)
        if twice is not None:
            raise OnDeviceError(f"{self.path}, line 1: column {twice!r} is there twice.")
        return tuple(words)

    @property
    def first_row(self) -> int:
        """The line of the first row."""
        return 1 if self.given_names else 2

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Give the values as texts."""
        names = self.names()
        # Named by their places: pandas writes its index as a column without a name, and names may be anything.
        places = {name: str(place) for place, name in enumerate(names)}
        wanted = [places[column] for column in columns]
        read = arrow_csv.ReadOptions(
            use_threads=False,
            block_size=BLOCK_BYTES,
            column_names=[str(place) for place in range(len(names))],
            skip_rows=0 if self.given_names else 1,
        )
        parse = arrow_csv.ParseOptions(
            delimiter=self.between if len(self.between) == 1 else UNUSED,
            quote_char='"' if self.quoted else False,
            newlines_in_values=self.quoted,
        )
        convert = arrow_csv.ConvertOptions(
            include_columns=wanted,
            column_types=dict.fromkeys(wanted, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
        )
        try:
            with pa.input_stream(str(self.path), compression="detect") as stream:
                source = stream if len(self.between) == 1 else pa.PythonFile(_Replaced(stream, self.between), mode="r")
                for batch in arrow_csv.open_csv(source, read, parse, convert):
                    yield batch.rename_columns(list(columns))
        except (pa.ArrowInvalid, OSError, EOFError) as error:
            raise self._explained(str(error)) from error

    def _explained(self, message: str) -> OnDeviceError:
        """Turn what the parser says into a sentence that names the line."""
        # What is no text has a line of its own, which the parser does not say.
        for _ in text_lines(self.path):
            pass
        if "straddling" in message:
            return OnDeviceError(f"{self.path} has a row of more than {BLOCK_BYTES:,} bytes; allowed are fewer.")
        found = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message)
        if found:
            row, expected, got = map(int, found.groups())
            return OnDeviceError(
                f"{self.path}, line {row}: {got} values; allowed are {expected}, as in the first line."
            )
        return OnDeviceError(f"{self.path} can't be read: {message.splitlines()[0][:200]}.")


class _Replaced:
    """A stream in which a separator of several bytes is one byte."""

    closed = False

    def __init__(self, stream: Any, separator: str) -> None:
        self.stream, self.separator, self.rest = stream, separator.encode(), b""

    def read(self, size: int) -> bytes:
        """Return about so many bytes; none at the end."""
        found = self.stream.read(max(1, size))
        data = (self.rest + found).replace(self.separator, UNUSED.encode())
        # The end of what was read may be the beginning of a separator.
        begun = range(len(self.separator) - 1, 0, -1) if found else ()
        keep = next((length for length in begun if data.endswith(self.separator[:length])), 0)
        data, self.rest = data[: len(data) - keep], data[len(data) - keep :]
        return data if data or not found else self.read(size)

    def close(self) -> None:
        """Leave the stream open: who opened it closes it."""
