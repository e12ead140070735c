"""Low rank: the hidden vector is made narrow first, so that every id needs few numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import Self

from ondevice.embeddings.method import FloatArray, Method, require
from ondevice.models.four_bits import even, int8_steps, whole_rows_in_bytes, widened
from ondevice.models.output import Output, dense_bytes, require_ratio
from ondevice.models.output_parts import Tables, Weight, at_least_int8
from ondevice.topk.parts import FLOAT32, INT4, INT8, Arrays, Part, as_float


@dataclass(frozen=True)
class LowRank(Output):
    """`(h A) . B[i] + b[i]`: stores `e * r + (r + 1) * n` numbers for `n` ids, `e` hidden units and rank `r`.

    In a file the biases are one more column of B, and the narrow vector has a constant appended: a separate bias would
    take four bytes per id, as much as rank 4 at one byte per number. The columns may be scaled as one likes as long as
    A makes up for it, so for int8 each is scaled to the same largest number: one scale then serves all of them.

    As int4 B has two bytes more per id, one for its row's step, without which the error doubles, and one for its bias,
    which four bits are too few for. A stays int8: it is small, and every score goes through it.

    The initial values make `A B` vary as much as the kernel of an ordinary dense layer (Glorot and Bengio, 2010).

    Args:
        rank: numbers of the narrow vector.
        bias: whether every id also has a bias.
    """

    rank: int
    bias: bool = True

    def check(self) -> None:
        """Refuse a rank that is more than the hidden vector has."""
        require("rank", self.rank, 1 <= self.rank <= self.width, f"1 to {self.width}")

    def weights(self) -> tuple[Weight, ...]:
        """Declare both factors and the biases."""
        narrow = (2 / (self.width + self.rank)) ** 0.5
        dense = (2 / (self.width + self.vocabulary_size)) ** 0.5
        factors = (
            Weight("narrow", (self.width, self.rank), narrow),
            Weight("factor", (self.vocabulary_size, self.rank), dense / (narrow * self.rank**0.5)),
        )
        return (*factors, Weight("bias", (self.vocabulary_size,), decays=False)) if self.bias else factors

    def parts(self, number_format: str, arrays: Arrays | None = None) -> tuple[Part, ...]:
        """Declare both factors, the second with the biases as its last column, and what these are multiplied by.

        As int4 the biases are apart, and every row has a factor.
        """
        narrow = Part("narrow", (self.rank, self.width), at_least_int8(number_format))
        if number_format == INT4:
            each = (1, self.vocabulary_size)
            rows = Part("items", (self.vocabulary_size, even(self.rank)), INT4)
            biases = (Part("bias", each, INT8), Part("bias_step", (1, 1), FLOAT32)) if self.bias else ()
            return (narrow, rows, Part("factor", each, "uint8"), *biases)
        parts = (
            narrow,
            Part("items", (self.vocabulary_size, self.rank + self.bias), number_format),
        )
        return (*parts, Part("one", (1, 1), FLOAT32)) if self.bias else parts

    def training_scores(self, hidden: Any, weights: Mapping[str, Any]) -> Any:
        """Multiply by both factors and add the biases."""
        import tensorflow as tf

        scores = tf.matmul(tf.matmul(hidden, weights["narrow"]), weights["factor"], transpose_b=True)
        return scores + weights["bias"] if self.bias else scores

    def as_dense(self, weights: Arrays) -> tuple[FloatArray, FloatArray]:
        """Multiply the factors."""
        bias = weights["bias"] if self.bias else np.zeros(self.vocabulary_size, np.float32)
        return np.matmul(weights["narrow"], weights["factor"].T), bias

    def fitted(
        self, kernel: FloatArray, bias: FloatArray, seed: int, vectors: FloatArray | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """Cut the singular value decomposition, half of each singular value on both sides.

        The mean over all ids is taken off first: it shifts all scores of a history alike, so it changes no rank.
        """
        centered = kernel.astype(np.float64) - kernel.mean(axis=1, keepdims=True)
        left, values, right = np.linalg.svd(centered, full_matrices=False)
        roots = np.sqrt(values[: self.rank])
        fit = {"narrow": left[:, : self.rank] * roots, "factor": right[: self.rank].T * roots}
        if self.bias:
            fit["bias"] = bias.astype(np.float64)
        return {name: array.astype(np.float32) for name, array in fit.items()}

    def stored(self, weights: Arrays, number_format: str, tables: Tables | None) -> dict[str, npt.NDArray[Any]]:
        """Join factor and biases, and for int8 scale every column to the same largest number; round rows for int4."""
        narrow, items = weights["narrow"].T, weights["factor"]
        if number_format == INT4:
            return self._rounded(weights)
        if self.bias:
            items = np.concatenate([items, weights["bias"][:, None]], axis=1)
        sizes = np.ones(items.shape[1], np.float32)
        if number_format == INT8:
            sizes = _largest(items)
        arrays = {"narrow": np.ascontiguousarray(narrow * sizes[: self.rank, None]), "items": items / sizes}
        return {**arrays, "one": sizes[-1:, None]} if self.bias else arrays

    def _rounded(self, weights: Arrays) -> dict[str, npt.NDArray[Any]]:
        # Columns of one size first, so that none of them decides every row's step.
        sizes = _largest(weights["factor"])
        whole, factor, unit = whole_rows_in_bytes(weights["factor"] / sizes)
        arrays = {"narrow": np.ascontiguousarray(weights["narrow"].T * (sizes * unit)[:, None])}
        arrays |= {"items": whole, "factor": factor[None]}
        if self.bias:
            bias, step = int8_steps(weights["bias"])
            arrays |= {"bias": bias[None], "bias_step": np.full((1, 1), step)}
        return arrays

    def scores(self, hidden: Any, arrays: Arrays, place: Any) -> Any:
        """Apply two FULLY_CONNECTED, with the constant joined between."""
        import tensorflow as tf

        narrow = tf.matmul(hidden, arrays["narrow"], transpose_b=True)
        if "factor" in arrays:
            scores = tf.matmul(widened(narrow, self.rank), arrays["items"], transpose_b=True)
            scores *= as_float(arrays["factor"], place)
            return scores + as_float(arrays["bias"], place) * arrays["bias_step"] if self.bias else scores
        if self.bias:
            narrow = tf.concat([narrow, arrays["one"]], axis=1)
        return tf.matmul(narrow, arrays["items"], transpose_b=True)

    @classmethod
    def for_ratio(cls, method: Method, width: int, ratio: float, **options: Any) -> Self:
        """Choose the rank."""
        size = method.vocabulary_size
        least = cls(size, width, 1, **options)
        require_ratio(least, ratio)
        beside = least.payload_bytes(INT8) - (size + width)
        rank = int((dense_bytes(size, width) / ratio - beside) // (size + width))
        return cls(size, width, min(rank, width), **options)


def _largest(columns: FloatArray) -> FloatArray:
    """Return the largest number of every column, one for a column of zeros."""
    largest = np.max(np.abs(columns), axis=0)
    return np.where(largest > 0, largest, np.float32(1))
