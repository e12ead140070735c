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

from converters.output import LoweredOutput
from ondevice.models.output_parts import LEVELS
from ondevice.quantize.encode import EncodedEmbedding, EncodedTable
from ondevice.topk.parts import INT8

STAND_IN_BYTES = 4_096
"""Bytes of a stand-in, rounded up to whole rows: so many at random are no other constant's."""


@dataclass(frozen=True, eq=False)
class StandIn:
    """A few random rows in place of a table, or as many rows of equal numbers.

    Args:
        rows: what the file has before that, `[few, width]`.
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


def output_with_stand_ins(
    output: LoweredOutput, encoded: EncodedEmbedding
) -> tuple[LoweredOutput, tuple[StandIn, ...]]:
    """Return an output layer with stand-ins for its larger arrays, for the converter, and the stand-ins.

    The graph depends on the length of a matrix that the hidden vector is multiplied with. Where its numbers are those
    of an int8 table, one of the same shape stands for it whose numbers are all the largest there is: TensorFlow writes
    that once, and the quantizer of dense layers keeps such numbers as they are.

    Args:
        output: the output layer.
        encoded: the embedding's tables, before they have stand-ins.
    """
    # Other rows than those of tables.
    rng = np.random.default_rng(1)
    found: list[StandIn] = []
    arrays = dict(output.arrays)
    for name in output.member.gathered:
        if name in arrays:
            arrays[name] = _few_rows(arrays[name], found, rng)
    for name in output.member.uses_tables if output.number_format == INT8 else ():
        for held in encoded.tables[name].arrays.values():
            if held.dtype == np.int8 and name in arrays and np.array_equal(held, arrays[name]):
                found.append(StandIn(np.broadcast_to(np.int8(LEVELS), held.shape), held))
                arrays[name] = np.broadcast_to(np.float32(LEVELS), held.shape)
    return replace(output, arrays=arrays), tuple(found)


def _short(entry: EncodedTable, found: list[StandIn], rng: np.random.Generator) -> EncodedTable:
    arrays = {part: _few_rows(array, found, rng) for part, array in entry.arrays.items()}
    return replace(entry, arrays=arrays)


def _few_rows(array: npt.NDArray[Any], found: list[StandIn], rng: np.random.Generator) -> npt.NDArray[Any]:
    """Return what stands for an array, which is added to what was found, or the array itself if nothing has to."""
    few = -(-STAND_IN_BYTES * len(array) // max(array.nbytes, 1))
    # Arrays of one axis are factors or codebooks of the whole table and no rows of it.
    if array.ndim != 2 or few >= len(array):
        return array
    found.append(StandIn(_random_rows(rng, (few, array.shape[1]), array.dtype), array))
    return found[-1].rows


def _random_rows(rng: np.random.Generator, shape: tuple[int, int], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    if dtype.kind == "f":
        return rng.random(shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
