"""A byte per number with a scale and a zero for each block of rows: for numbers that belong to an id."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.method import FloatArray
from ondevice.embeddings.ops import Ops
from ondevice.quantize.scheme import Arrays, Layout, Scheme

LEVELS = 255
BLOCK = 64
"""Rows of a block, at least those where blocks are whole runs of neighbours."""
ROWS_AT_ONCE = 65_536
"""Rows that are rounded at a time, about, which bounds the memory needed."""


class UInt8Block(Scheme):
    """Stores `q = round(x / s) + z` as uint8, with `s = (high - low) / 255` and `z` as one byte for each block of rows.

    A block's range begins or ends at zero if it does not hold it, so zero stays zero. Where the output layer reads
    numbers run by run, blocks are whole runs. These are decoded by arithmetic alone, for which runtimes have vector
    code; `codebook8` gathers every number by itself, is no more exact (the root mean square errors that it states are
    0.0024 and 0.0032 here) and turns signs of small numbers.
    """

    by_number: ClassVar[bool] = True

    def layout(self, rows: int, width: int, folds: bool = False) -> Layout:
        """Declare a byte per number and five per block."""
        blocks = -(-rows // BLOCK)
        return {
            "values": ((rows, width), "uint8"),
            "scales": ((blocks, 1), "float32"),
            "zeros": ((blocks, 1), "uint8"),
        }

    def encode(self, values: FloatArray, folds: bool = False) -> dict[str, npt.NDArray[Any]]:
        """Round every block to its own step."""
        return _encoded(values, BLOCK)

    def encode_runs(self, values: FloatArray) -> dict[str, npt.NDArray[Any]]:
        """Round every run, or several short ones together, to their own step."""
        longest = values.shape[1]
        return _encoded(values.reshape(-1, 1), longest * _runs(longest))

    def decode(self, arrays: Arrays, index: Any, xp: Ops, width: int) -> Any:
        """Gather and widen the rows asked for; subtract and multiply by what their blocks have."""
        return _decoded(arrays, index, index // BLOCK, xp)

    def decode_places(self, arrays: Arrays, place: Any, xp: Ops, longest: int) -> Any:
        """Decode single numbers by what their runs have."""
        return _decoded(arrays, place, place // (longest * _runs(longest)), xp)

    def decode_runs(self, arrays: Arrays, row: Any, xp: Ops, longest: int) -> Any:
        """Decode whole runs by what they have."""
        runs = _runs(longest)
        return _decoded(arrays, row, row if runs == 1 else row // runs, xp)


def _runs(longest: int) -> int:
    """Return how many runs make up a block."""
    return -(-BLOCK // longest)


def _steps(values: FloatArray, block: int) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
    """Return step and zero of each block of rows, `[blocks, 1]`; a block of zeros has step 1."""
    starts = np.arange(0, len(values), block)
    low = np.minimum(np.minimum.reduceat(values.min(axis=1), starts), 0).astype(np.float64)
    high = np.maximum(np.maximum.reduceat(values.max(axis=1), starts), 0).astype(np.float64)
    steps = ((high - low) / LEVELS).astype(np.float32)
    steps = np.where(steps > 0, steps, np.float32(1))
    zeros = np.clip(np.rint(-low / steps), 0, LEVELS).astype(np.uint8)
    return steps[:, None], zeros[:, None]


def _encoded(values: FloatArray, block: int) -> dict[str, npt.NDArray[Any]]:
    steps, zeros = _steps(values, block)
    whole = np.empty(values.shape, np.uint8)
    at_once = max(1, ROWS_AT_ONCE // block) * block
    for start in range(0, len(values), at_once):
        rows = values[start : start + at_once]
        of_row = np.arange(start, start + len(rows)) // block
        whole[start : start + at_once] = np.clip(np.rint(rows / steps[of_row]) + zeros[of_row], 0, LEVELS)
    return {"values": whole, "scales": steps, "zeros": zeros}


def _decoded(arrays: Arrays, index: Any, block: Any, xp: Ops) -> Any:
    from_zero = xp.to_float(xp.gather(arrays["values"], index)) - xp.to_float(xp.gather(arrays["zeros"], block))
    return from_zero * xp.gather(arrays["scales"], block)
