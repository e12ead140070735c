"""The largest absolute error of decoding that each scheme may have, float32, broadcastable to the table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ondevice.embeddings.method import FloatArray
from ondevice.quantize.codebook import fitted_codebook
from ondevice.quantize.schemes import codebook4, codebook8, float16_rows, int2_row, int4_row, uint8_block
from ondevice.quantize.schemes.int8_column import Int8Column
from ondevice.quantize.schemes.int8_row import Int8Row
from ondevice.quantize.schemes.int8_table import Int8Table
from ondevice.quantize.steps import best_steps, stored_steps


def rounding_slack(values: FloatArray) -> FloatArray:
    """Return the float32 rounding of a few operations on numbers of this size, which every bound has to allow."""
    return 4 * np.spacing(np.abs(values))


def of_codebook(entries: int) -> Callable[[FloatArray], FloatArray]:
    """Allow half the distance of the entries around a number, or that to the last."""

    def bound(values: FloatArray) -> FloatArray:
        codebook = fitted_codebook(values, entries).astype(np.float64)
        above = np.searchsorted(codebook, values)
        low, high = codebook[np.maximum(above - 1, 0)], codebook[np.minimum(above, len(codebook) - 1)]
        half = np.where((values >= low) & (values <= high), (high - low) / 2, np.abs(values - low))
        # No number becomes one of the other sign, however near.
        across = (low < 0) & (high > 0)
        half = np.where(across, np.where(values > 0, high - values, values - low), half)
        return np.nextafter(half.astype(np.float32), np.float32(np.inf))

    return bound


def of_steps(lowest: int, highest: int, tried: tuple[float, ...]) -> Callable[[FloatArray], FloatArray]:
    """Allow half a step, or more beyond the lowest and highest number of steps."""

    def bound(values: FloatArray) -> FloatArray:
        steps = stored_steps(best_steps(values, lowest, highest, tried))[1]
        ends = np.sort(np.concatenate([steps * lowest, steps * highest], axis=1), axis=1)
        beyond = np.maximum(values - ends[:, 1:], ends[:, :1] - values)
        # An end may be rounded away from where the last number is.
        return np.maximum(np.abs(steps) / 2, beyond) + rounding_slack(np.maximum(np.abs(values), np.abs(steps)))

    return bound


def of_float16(values: FloatArray) -> FloatArray:
    """Allow half the distance to the next float16, or the whole one to the largest."""
    # Below the largest, whose distance to the next is not finite; half the smallest distance is no float16.
    below = np.minimum(np.abs(values), np.float32(65_472)).astype(np.float16)
    return np.maximum(np.spacing(below).astype(np.float32) / 2, np.abs(values) - float16_rows.LARGEST)


def of_blocks(values: FloatArray) -> FloatArray:
    """Allow half a step of each number's block."""
    steps, _ = uint8_block._steps(values, uint8_block.BLOCK)
    return np.repeat(steps, uint8_block.BLOCK, axis=0)[: len(values)] / 2 + rounding_slack(values)


BOUNDS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "codebook4": of_codebook(codebook4.ENTRIES),
    "codebook8": of_codebook(codebook8.ENTRIES),
    "float16_rows": of_float16,
    "float32": np.zeros_like,
    "int2_row": of_steps(int2_row.LOWEST, int2_row.HIGHEST, int2_row.STEPS),
    "int4_row": of_steps(-int4_row.LEVELS, int4_row.LEVELS, int4_row.STEPS),
    "int8_column": lambda values: Int8Column().steps(values) / 2 + rounding_slack(values),
    "int8_row": lambda values: Int8Row().steps(values) / 2 + rounding_slack(values),
    "int8_table": lambda values: Int8Table().steps(values) / 2 + rounding_slack(values),
    "uint8_block": of_blocks,
}
"""By name of the scheme; a new one adds a line here or fails a test."""
