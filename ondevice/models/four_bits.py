"""Matrices of four bits: whole numbers that one scale serves, and what makes up for each row's own size."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.method import FloatArray
from ondevice.models.output_parts import LEVELS as INT8_LEVELS
from ondevice.quantize.schemes.int4_row import LEVELS, STEPS
from ondevice.quantize.steps import best_steps, in_steps

BYTE = 255


def even(width: int) -> int:
    """Return the columns of a matrix of four bits: runtimes take several times as long where they are odd."""
    return width + width % 2


def whole_rows(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Round every row to its own step, the one that leaves the least squared error.

    Args:
        values: float32 `[rows, width]`.

    Returns:
        whole numbers from -7 to 7, float32 `[rows, even(width)]`, and the steps, float32 `[rows, 1]`.
    """
    steps = best_steps(values, -LEVELS, LEVELS, STEPS)
    return _in_steps(values, steps), steps


def whole_rows_in_bytes(values: FloatArray) -> tuple[FloatArray, npt.NDArray[np.uint8], np.float32]:
    """Round every row to its own step, of which one byte is stored: a whole number of the same unit for all rows.

    Measured on trained layers, this costs no more than steps in float32: rows are rounded to the step that is stored,
    and the rows with the least precise ones are those that add least to any score.

    Args:
        values: float32 `[rows, width]`.

    Returns:
        whole numbers from -7 to 7, float32 `[rows, even(width)]`, the steps in units, uint8 `[rows]`, and the unit.
    """
    steps = best_steps(values, -LEVELS, LEVELS, STEPS)
    # A row of zeros has any step.
    steps[~values.any(axis=1)] = 0
    unit = np.float32(steps.max() / BYTE) or np.float32(1)
    units = np.clip(np.rint(steps / unit), 1, BYTE).astype(np.uint8)
    return _in_steps(values, units * unit), units[:, 0], unit


def int8_steps(values: FloatArray) -> tuple[npt.NDArray[np.int8], np.float32]:
    """Round numbers to whole numbers of one step.

    Returns:
        int8 of the same shape, and the step.
    """
    step = np.float32(np.max(np.abs(values)) / INT8_LEVELS) or np.float32(1)
    return np.rint(values / step).astype(np.int8), step


def widened(hidden: Any, width: int) -> Any:
    """Append a zero to vectors `[1, width]` where that makes their width even."""
    import tensorflow as tf

    return hidden if even(width) == width else tf.concat([hidden, np.zeros((1, 1), np.float32)], axis=1)


def _in_steps(values: FloatArray, steps: FloatArray) -> FloatArray:
    whole = in_steps(values, steps, -LEVELS, LEVELS).astype(np.float32)
    return np.pad(whole, ((0, 0), (0, even(values.shape[1]) - values.shape[1])))
