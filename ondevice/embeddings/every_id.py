"""What a method makes of ids, computed with NumPy: vectors from tables, and the rows that every id uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.method import FloatArray, Method
from ondevice.embeddings.ops import NumpyOps

IDS_PER_BLOCK = 4_096
"""Ids that are looked up at once where all are; few enough for their vectors to stay in the processor's cache."""


def reference_lookup(method: Method, tables: Mapping[str, FloatArray], ids: npt.NDArray[np.int32]) -> FloatArray:
    """Look ids up with NumPy: the reference that every other execution must equal.

    Args:
        method: the method.
        tables: values of every table by name, `[rows, width of the table]`.
        ids: int32 `[...]`.

    Returns:
        float32 `[..., output_width]`.
    """
    xp = NumpyOps()
    return method.lookup(ids, lambda name, index: xp.gather(tables[name], index), xp)


def rows_used(method: Method, table: str) -> npt.NDArray[np.int32]:
    """Tell which rows of a table each id uses, by running the look-up itself over every id.

    Where codes choose the rows, they are those chosen as if nothing were known of the ids.

    Args:
        method: the method.
        table: name of one of its tables.

    Returns:
        int32 `[vocabulary_size, uses]`: everything the look-up asks for, in the order in which it does; of a table
        that is read as a whole every id uses all rows.
    """
    by_name = {entry.name: entry for entry in method.tables()}
    chosen = method.chosen_tables(None, 0)

    def used(ids: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        found: list[npt.NDArray[np.int32]] = []

        def rows(name: str, index: Any) -> Any:
            if name == table:
                per_id = [index] * len(ids) if by_name[name].whole else index
                found.append(np.reshape(per_id, (len(ids), -1)))
            if name in chosen:
                return chosen[name][index]
            return np.zeros((*np.shape(index), by_name[name].width), np.float32)

        method.lookup(ids, rows, NumpyOps())
        if not found:
            raise ValueError(f"the look-up never asks for table {table!r}")
        return np.concatenate(found, axis=1)

    # Block by block, since the vectors of all ids take as much memory as the full table.
    return np.concatenate([used(ids) for ids in id_blocks(method.vocabulary_size, IDS_PER_BLOCK)])


def id_blocks(vocabulary_size: int, size: int, first: int = 0) -> Iterator[npt.NDArray[np.int32]]:
    """Give all ids from the first one in order, int32, at most `size` at a time."""
    for start in range(first, vocabulary_size, size):
        yield np.arange(start, min(start + size, vocabulary_size), dtype=np.int32)
