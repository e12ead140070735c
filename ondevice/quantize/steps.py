"""The step of each row: from the largest number of a row, or the step that fits the row best; stored in four or one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.method import FloatArray
from ondevice.embeddings.ops import Ops
from ondevice.quantize.scheme import Arrays, Layout

ENTRIES = 256
ROWS_PER_BLOCK = 4_096
"""Rows that are looked at at once, which bounds the memory needed."""


def best_steps(values: FloatArray, lowest: int, highest: int, steps: Sequence[float]) -> FloatArray:
    """Return the step of each row, of those tried, that leaves the least squared error; a row of zeros has step 1.

    Args:
        values: float32 `[rows, width]`.
        lowest: lowest whole number of steps there is.
        highest: highest whole number of steps there is.
        steps: steps to try, as shares of the largest magnitude of a row; negative ones turn the row around.

    Returns:
        float32 `[rows, 1]`.
    """
    found = np.ones((len(values), 1), np.float32)
    for start in range(0, len(values), ROWS_PER_BLOCK):
        block = values[start : start + ROWS_PER_BLOCK]
        largest = np.max(np.abs(block), axis=1, keepdims=True)
        # Between -1 and 1, so that no square of a tiny or huge number is lost.
        shares = np.divide(block, largest, out=np.zeros_like(block), where=largest > 0)
        errors = [
            np.sum(
                np.square(np.clip(np.rint(shares / np.float32(step)), lowest, highest) * np.float32(step) - shares), 1
            )
            for step in steps
        ]
        best = (largest * np.asarray(steps, np.float32)[np.argmin(errors, axis=0)][:, None]).astype(np.float32)
        np.copyto(found[start : start + len(block)], best, where=best != 0)
    return found


def chosen_steps(
    values: FloatArray, lowest: int, highest: int, steps: Sequence[float], folds: bool
) -> tuple[FloatArray, dict[str, npt.NDArray[Any]]]:
    """Return the steps to round with, and the arrays that hold them.

    Args:
        values: float32 `[rows, width]`.
        lowest: as for `best_steps`.
        highest: as for `best_steps`.
        steps: as for `best_steps`.
        folds: whether another table absorbs the steps, so that they stay float32.
    """
    best = best_steps(values, lowest, highest, steps)
    arrays, stored = ({"scales": best}, best) if folds else stored_steps(best)
    return stored, arrays


def in_steps(values: FloatArray, steps: FloatArray, lowest: int, highest: int) -> npt.NDArray[np.int8]:
    """Return the nearest whole number of steps of each number, int8."""
    whole = np.empty(values.shape, np.int8)
    for start in range(0, len(values), ROWS_PER_BLOCK):
        block = slice(start, start + ROWS_PER_BLOCK)
        whole[block] = np.clip(np.rint(values[block] / steps[block]), lowest, highest)
    return whole


def rounded_rows(rows: Any, lowest: int, highest: int, steps: Sequence[float]) -> Any:
    """Round rows within a graph as `best_steps` and `in_steps` do, for training; a row of zeros stays.

    Args:
        rows: float32 tensor `[..., width]`.
        lowest: as for `best_steps`.
        highest: as for `best_steps`.
        steps: as for `best_steps`.

    Returns:
        float32 `[..., width]`.
    """
    import tensorflow as tf

    largest = tf.reduce_max(tf.abs(rows), axis=-1, keepdims=True)
    shares = tf.math.divide_no_nan(rows, largest)
    best, least = shares, None
    for step in steps:
        tried = tf.clip_by_value(tf.round(shares / step), lowest, highest) * step
        error = tf.reduce_sum(tf.square(tried - shares), axis=-1, keepdims=True)
        best = tried if least is None else tf.where(error < least, tried, best)
        least = error if least is None else tf.minimum(error, least)
    return best * largest


def steps_layout(rows: int) -> Layout:
    """Declare how the steps of so many rows are stored: a byte each beside a codebook where that is smaller."""
    if rows + 4 * ENTRIES < 4 * rows:
        return {"scales_codes": ((rows, 1), "uint8"), "scales_codebook": ((ENTRIES,), "float32")}
    return {"scales": ((rows, 1), "float32")}


def stored_steps(steps: FloatArray) -> tuple[dict[str, npt.NDArray[Any]], FloatArray]:
    """Return the arrays for the steps and the steps that these stand for.

    The codebook is spaced by equal ratios. Rows are rounded to the step that is stored, so all that a byte instead of a
    float32 costs is a step that fits a little less: the error of Gaussian rows of width 64 grows by 0.2 % as int4 and
    0.1 % as int2.

    Args:
        steps: float32 `[rows, 1]`, none zero.
    """
    if "scales" in steps_layout(len(steps)):
        return {"scales": steps}, steps
    magnitude = np.log(np.abs(steps.astype(np.float64)))
    lowest, highest = float(magnitude.min()), float(magnitude.max())
    signed = bool((steps < 0).any())
    count = ENTRIES // 2 if signed else ENTRIES
    spaced = np.exp(np.linspace(lowest, highest, count)).astype(np.float32)
    ratio = (highest - lowest) / (count - 1)
    place = np.rint((magnitude - lowest) / ratio) if ratio else np.zeros_like(magnitude)
    codebook = np.concatenate([spaced, -spaced]) if signed else spaced
    codes = (place + np.where(steps < 0, count, 0)).astype(np.uint8)
    return {"scales_codes": codes, "scales_codebook": codebook}, codebook[codes]


def decoded_steps(arrays: Arrays, index: Any, xp: Ops) -> Any:
    """Return the steps of rows, float32 `[..., 1]`: GATHER, or GATHER, CAST and GATHER."""
    if "scales" in arrays:
        return xp.gather(arrays["scales"], index)
    return xp.gather(arrays["scales_codebook"], xp.to_int(xp.gather(arrays["scales_codes"], index)))


def has_steps(arrays: Arrays) -> bool:
    """Tell whether the steps are stored, or absorbed elsewhere."""
    return "scales" in arrays or "scales_codes" in arrays
