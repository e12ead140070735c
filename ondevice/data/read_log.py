"""Tables of what users did as a log: every user's entries together, in the order of time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ondevice.data.columns import Columns
from ondevice.data.keys import Numbers, place
from ondevice.data.lists import IntArray, Lists
from ondevice.data.log import Log
from ondevice.data.row_format import RowFormat
from ondevice.data.row_reader import BoolArray, RowReader
from ondevice.errors import OnDeviceError
from ondevice.units import counted


def read_log(tables: Sequence[RowFormat], columns: Columns, *, apart: bool = False) -> Log:
    """Read tables; users come in the order of their keys.

    Args:
        tables: the tables, one after the other.
        columns: their columns, all of which are there.
        apart: whether each table is something of its own, so that rows may be in several.

    Raises:
        OnDeviceError: a file is malformed, a value is not what its column must hold, or no row counts.
    """
    users, items = Numbers(), Numbers()
    titles: dict[int, str] = {}
    left: Counter[str] = Counter()
    entries = _Entries(bool(columns.time), apart)
    for place_of, rows in enumerate(tables):
        reader = RowReader(rows, columns, users, items, titles, left)
        for part in reader.parts():
            entries.add(*part, place_of)
    notes = [f"left out: {what.format(counted(count, 'row'))}" for what, count in left.items()]
    if not users:
        raise OnDeviceError(f"{tables[0].path} holds no row that counts{''.join(f'; {note}' for note in notes)}.")
    # Users are numbered by their keys, so that the order of the rows says nothing but what came first.
    by_key = sorted(range(len(users)), key=list(map(place, users)).__getitem__)
    numbers = np.zeros(len(users), np.int32)
    numbers[by_key] = np.arange(len(users), dtype=np.int32)
    found, repeated = entries.sorted(numbers)
    if repeated:
        notes.append(f"counted once: {counted(repeated, 'row')} that are there before")
    offsets = np.searchsorted(found["user"], np.arange(len(users) + 1)).astype(np.int64)
    lists = Lists(offsets, found["item"])
    return Log(lists, found.get("time"), found.get("table"), items, titles, tuple(notes))


class _Entries:
    """Columns of numbers that grow by batches."""

    def __init__(self, timed: bool, apart: bool) -> None:
        names = ["user", "item", *(["time"] if timed else []), *(["table"] if apart else [])]
        self.columns: dict[str, list[np.ndarray]] = {name: [] for name in names}

    def add(self, user: np.ndarray, item: np.ndarray, time: np.ndarray, table: int) -> None:
        given = {"user": user, "item": item, "time": time, "table": np.full(len(user), table, np.int8)}
        for name, parts in self.columns.items():
            parts.append(given[name])

    def sorted(self, numbers: IntArray) -> tuple[dict[str, np.ndarray], int]:
        """Return every column by user and time, users renumbered, and how many entries are left out as repeated."""
        found = {}
        for name, parts in self.columns.items():
            found[name] = np.concatenate(parts)
            parts.clear()
        found["user"] = numbers[found["user"]]
        order = np.lexsort([found[name] for name in ("time", "user") if name in found])
        for name in found:
            found[name] = found[name][order]
        del order
        kept = _first(list(found.values()), order_of=[found[name] for name in ("user", "time") if name in found])
        if repeated := int(np.count_nonzero(~kept)):
            found = {name: column[kept] for name, column in found.items()}
        return found, repeated


def _first(columns: Sequence[np.ndarray], order_of: Sequence[np.ndarray]) -> BoolArray:
    """Tell which entries are not there before, with the same value of every column.

    Args:
        columns: the columns.
        order_of: those of them that the entries are sorted by.
    """
    kept = np.ones(len(columns[0]), np.bool_)
    # Equal entries are neighbours in what they are sorted by, and where there are times few are.
    alike = np.concatenate([[False], _equal_neighbours(order_of), [False]]) if len(kept) else np.zeros(1, np.bool_)
    places = np.flatnonzero(alike[1:] | alike[:-1])
    among = [column[places] for column in columns]
    order = np.lexsort(among[::-1])
    kept[places[order[1:]][_equal_neighbours([column[order] for column in among])]] = False
    return kept


def _equal_neighbours(columns: Sequence[np.ndarray]) -> BoolArray:
    """Tell which entries but the first have in every column what the one before has."""
    same = np.ones(max(0, len(columns[0]) - 1), np.bool_)
    for column in columns:
        same &= column[1:] == column[:-1]
    return same
