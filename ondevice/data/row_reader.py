"""Rows of a table as numbers of users and items, batch by batch, and what is left out of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ondevice.data.cells import CellError, FloatArray, as_keys, as_numbers, as_times
from ondevice.data.columns import Columns
from ondevice.data.keys import ALLOWED, Numbers, is_key
from ondevice.data.lists import IntArray
from ondevice.data.row_format import RowFormat
from ondevice.errors import OnDeviceError

Found = TypeVar("Found")
BoolArray = npt.NDArray[np.bool_]
IntPlaces = npt.NDArray[np.intp]


class RowReader:
    """Reads a table, and counts what it leaves out.

    Args:
        rows: the table.
        columns: its columns, all of which are there.
        users: numbers of the users met so far, to which new ones are added.
        items: the same of the items.
        titles: what items are called, by their number, to which new ones are added.
        left: how many rows are left out for which reason, counted on.
    """

    def __init__(
        self,
        rows: RowFormat,
        columns: Columns,
        users: Numbers,
        items: Numbers,
        titles: dict[int, str],
        left: Counter[str],
    ) -> None:
        self.rows, self.columns, self.users, self.items = rows, columns, users, items
        self.titles, self.left = titles, left
        self.row = rows.first_row

    def parts(self) -> Iterator[tuple[IntArray, IntArray, FloatArray]]:
        """Give users, items and times of the rows that count.

        Raises:
            OnDeviceError: a value is not what its column must hold; the message names the row.
        """
        columns = self.columns
        rated = columns.rating if columns.limited else ""
        wanted = [name for name in (columns.user, columns.item, columns.time, rated, columns.title) if name]
        for batch in self.rows.batches(tuple(dict.fromkeys(wanted))):
            user, item = (self._read(as_keys, batch, name) for name in (columns.user, columns.item))
            usable = np.ones(batch.num_rows, np.bool_)
            self._leave(usable, _equal(user, "") | _equal(item, ""), "{} without a user or an item")
            header = _equal(user, columns.user) & _equal(item, columns.item)
            self._leave(usable, header, "{} that repeat the names of the columns")
            time = np.zeros(batch.num_rows)
            if columns.time:
                time = self._numbers(as_times, batch, columns.time, usable)
                self._leave(usable, np.isnan(time), "{} without a time")
            if rated:
                rating = self._numbers(as_numbers, batch, rated, usable)
                self._leave(usable, np.isnan(rating), "{} without a rating")
                self._leave(usable, rating < columns.min_rating, f"{{}} rated below {columns.min_rating:g}")
            users = self._numbered(user, usable, self.users, columns.user)
            items = self._numbered(item, usable, self.items, columns.item)
            if columns.title:
                self._note_titles(self._read(as_keys, batch, columns.title).filter(pa.array(usable)), items)
            yield users, items, time[usable]
            self.row += batch.num_rows

    def _leave(self, usable: BoolArray, chosen: BoolArray, what: str) -> None:
        if count := int(np.count_nonzero(usable & chosen)):
            self.left[what] += count
            usable &= ~chosen

    def _numbers(
        self, convert: Callable[[pa.Array], FloatArray], batch: pa.RecordBatch, name: str, usable: BoolArray
    ) -> FloatArray:
        """Return a column of numbers, nan in the rows that don't count, where anything may be."""
        places = np.flatnonzero(usable)
        found = np.full(batch.num_rows, np.nan)
        # Rows are left out by filtering: choosing between a text and none gives other texts where an array is a slice.
        found[places] = self._read(convert, batch.filter(pa.array(usable)), name, places)
        return found

    def _read(
        self, convert: Callable[[pa.Array], Found], batch: pa.RecordBatch, name: str, places: IntPlaces | None = None
    ) -> Found:
        try:
            return convert(batch.column(name))
        except CellError as error:
            if error.place is None:
                raise OnDeviceError(f"{self.rows.path}, column {name!r} holds {error.what}.") from None
            row = self.row + (error.place if places is None else int(places[error.place]))
            raise OnDeviceError(f"{self.rows.path}, row {row}: {name} is {error.what}.") from None

    def _numbered(self, column: pa.Array, usable: BoolArray, numbers: Numbers, name: str) -> IntArray:
        """Return the numbers of the keys in the rows that count."""
        encoded = column.filter(pa.array(usable)).dictionary_encode()
        known = len(numbers)
        table = np.array([numbers[key] for key in encoded.dictionary.to_pylist()], np.int32)
        if len(numbers) > known:
            bad = next((key for key in list(numbers)[known:] if not is_key(key)), None)
            if bad is not None:
                row = self.row + column.to_pylist().index(bad)
                raise OnDeviceError(f"{self.rows.path}, row {row}: {name} is {bad[:40]!r}; {ALLOWED}.")
        found: IntArray = table[encoded.indices.to_numpy()]
        return found

    def _note_titles(self, titles: pa.Array, items: IntArray) -> None:
        """Keep the first title of every item."""
        for number, place in zip(*(each.tolist() for each in np.unique(items, return_index=True)), strict=True):
            title = titles[place].as_py()
            if title and number not in self.titles:
                self.titles[number] = " ".join(title.split())


def _equal(column: pa.Array, text: str) -> BoolArray:
    found: BoolArray = pc.equal(column, text).to_numpy(zero_copy_only=False)
    return found
