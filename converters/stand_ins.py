"""Stand-ins for large tables: the converter gets a few rows of each, the finished file all of them.

TensorFlow's converter holds every constant many times over, int8 ones at 25 times their size in all. A table that is
only gathered from can be of any length, so what the converter makes of a short one is right for the whole one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.quantize.encode import EncodedEmbedding, EncodedTable

STAND_IN_BYTES = 4_096
"""Bytes of a stand-in, rounded up to whole rows: so many at random are no other constant's."""


@dataclass(frozen=True, eq=False)
class StandIn:
    """A few random rows in place of a table.

    Args:
        rows: what the converter gets, `[few, width]`.
        array: what the file gets, `[many, width]` of the same type.
    """

    rows: npt.NDArray[Any]
    array: npt.NDArray[Any]


def with_stand_ins(encoded: EncodedEmbedding) -> tuple[EncodedEmbedding, tuple[StandIn, ...]]:
    """Return an embedding with stand-ins for its larger arrays, for the converter, and the stand-ins.

    Arrays of a table that is read as a whole stay: there the graph depends on their length.

    Args:
        encoded: the embedding.
    """
    rng = np.random.default_rng(0)
    found: list[StandIn] = []
    tables: Mapping[str, EncodedTable] = {
        name: entry if entry.table.whole else _short(entry, found, rng) for name, entry in encoded.tables.items()
    }
    return EncodedEmbedding(encoded.method, tables), tuple(found)


def _short(entry: EncodedTable, found: list[StandIn], rng: np.random.Generator) -> EncodedTable:
    arrays = dict(entry.arrays)
    for part, array in arrays.items():
        few = -(-STAND_IN_BYTES * len(array) // max(array.nbytes, 1))
        # Arrays of one axis are factors or codebooks of the whole table and no rows of it.
        if array.ndim == 2 and few < len(array):
            found.append(StandIn(_random_rows(rng, (few, array.shape[1]), array.dtype), array))
            arrays[part] = found[-1].rows
    return replace(entry, arrays=arrays)


def _random_rows(rng: np.random.Generator, shape: tuple[int, int], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    if dtype.kind == "f":
        return rng.random(shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
