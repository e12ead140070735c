"""The step of each row: from the largest number of a row, or the step that fits the row best; stored in four or one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.embeddings.method import FloatArray
from ondevice.embeddings.ops import Ops
from ondevice.quantize.scheme import Arrays, Layout, Scheme

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


def in_steps(values: FloatArray, steps: FloatArray, lowest: int, highest: int) -> npt.NDArray[np.int8]:
    """Return the nearest whole number of steps of each number, int8."""
    whole = np.empty(values.shape, np.int8)
    for start in range(0, len(values), ROWS_PER_BLOCK):
        block = slice(start, start + ROWS_PER_BLOCK)
        whole[block] = np.clip(np.rint(values[block] / steps[block]), lowest, highest)
    return whole


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


class StepRows(Scheme):
    """Stores whole numbers of a step of each row, several in one byte."""

    scales: ClassVar[str] = "scales"

    lowest: ClassVar[int]
    highest: ClassVar[int]
    """The whole numbers of steps there are, from the lowest to the highest."""
    tried: ClassVar[tuple[float, ...]]
    """Steps that are tried, as for `best_steps`."""
    per_byte: ClassVar[int]
    """Numbers in one byte."""
    byte: ClassVar[str]
    """Its type."""

    @abstractmethod
    def packed(self, whole: npt.NDArray[np.int8]) -> npt.NDArray[Any]:
        """Return rows of whole numbers of steps as they are stored, from int8 `[rows, width]`."""

    @abstractmethod
    def apart(self, arrays: Arrays, index: Any, xp: Ops, width: int) -> Any:
        """Return rows in steps, as `decode` does."""

    def layout(self, rows: int, width: int, folds: bool = False) -> Layout:
        """Declare the bytes, and the steps."""
        values: Layout = {"values": ((rows, -(-width // self.per_byte)), self.byte)}
        return values if folds else {**values, **steps_layout(rows)}

    def encode(self, values: FloatArray, folds: bool = False) -> dict[str, npt.NDArray[Any]]:
        """Round every row to its own step and pack it; steps that another table absorbs stay float32."""
        steps = best_steps(values, self.lowest, self.highest, self.tried)
        arrays, stored = ({"scales": steps}, steps) if folds else stored_steps(steps)
        return {"values": self.packed(in_steps(values, stored, self.lowest, self.highest)), **arrays}

    def decode(self, arrays: Arrays, index: Any, xp: Ops, width: int) -> Any:
        """Gather and widen the rows asked for, and multiply by their steps: GATHER, or GATHER, CAST and GATHER."""
        rows = self.apart(arrays, index, xp, width)
        if "scales" in arrays:
            return rows * xp.gather(arrays["scales"], index)
        if "scales_codes" not in arrays:
            return rows
        return rows * xp.gather(arrays["scales_codebook"], xp.to_int(xp.gather(arrays["scales_codes"], index)))

    def rounded(self, rows: Any) -> Any:
        """Round rows within a graph as `best_steps` and `in_steps` do; a row of zeros stays."""
        import tensorflow as tf

        largest = tf.reduce_max(tf.abs(rows), axis=-1, keepdims=True)
        shares = tf.math.divide_no_nan(rows, largest)
        best, least = shares, None
        for step in self.tried:
            tried = tf.clip_by_value(tf.round(shares / step), self.lowest, self.highest) * step
            error = tf.reduce_sum(tf.square(tried - shares), axis=-1, keepdims=True)
            best = tried if least is None else tf.where(error < least, tried, best)
            least = error if least is None else tf.minimum(error, least)
        return best * largest
