"""The TensorFlow binding of the look-up operations, for training and for conversion alike.

Each operation is the TensorFlow form that converts to builtin TFLite operations without helpers:
`tf.gather`, unlike Keras' `ops.take`, adds no operations that wrap negative ids.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ondevice.embeddings.ops import NumpyOps


class TensorFlowOps(NumpyOps):
    """TensorFlow tensors instead of NumPy arrays; the meaning is that of `NumpyOps`.

    Args:
        exact: whether sums of products equal those of `NumpyOps` bit for bit. Without, they are matrix products, which
            are several times faster and have fast gradients, but add up in an order of their own.
        batched: whether so many ids are looked up at once that what many of them share is worth computing once for all.
    """

    def __init__(self, exact: bool = True, batched: bool = False) -> None:
        self.exact = exact
        self.batched = batched

    def gather(self, table: Any, index: Any) -> Any:
        """Return the rows `index` of `table`: one GATHER."""
        return tf.gather(table, index)

    def gather_int4(self, table: Any, index: Any) -> Any:
        """Return the rows `index` of the unpacked table: one GATHER of int8, which the file holds as int4."""
        return tf.gather(NumpyOps().gather_int4(table, np.arange(len(table))), index)

    def minimum(self, left: Any, right: Any) -> Any:
        """Return the smaller of both: MINIMUM."""
        return tf.minimum(left, right)

    def maximum(self, left: Any, right: Any) -> Any:
        """Return the larger of both: MAXIMUM."""
        return tf.maximum(left, right)

    def floor(self, values: Any) -> Any:
        """Round towards minus infinity: FLOOR."""
        return tf.floor(values)

    def concat(self, parts: Sequence[Any]) -> Any:
        """Join along the last axis: CONCATENATION."""
        return tf.concat(parts, axis=-1)

    def split(self, values: Any, parts: int) -> Sequence[Any]:
        """Cut into equal parts along the last axis: SPLIT."""
        return tf.split(values, parts, axis=-1)

    def append_axis(self, values: Any) -> Any:
        """Give a last axis of length 1: RESHAPE."""
        return tf.expand_dims(values, -1)

    def join_last_axes(self, values: Any) -> Any:
        """Join the last two axes: RESHAPE."""
        return tf.reshape(values, [*_lengths(values)[:-2], values.shape[-2] * values.shape[-1]])

    def unfold(self, values: Any, parts: int) -> Any:
        """Cut the last axis into two: RESHAPE."""
        return tf.reshape(values, [*_lengths(values)[:-1], parts, values.shape[-1] // parts])

    def to_float(self, values: Any) -> Any:
        """Convert to float32: CAST."""
        return tf.cast(values, tf.float32)

    def to_int(self, values: Any) -> Any:
        """Convert codes to int32: CAST."""
        return tf.cast(values, tf.int32)

    def float16_of_bits(self, values: Any) -> Any:
        """Take the bits of int16 for those of float16: BITCAST."""
        return tf.bitcast(values, tf.float16)

    def one_hot_product(self, index: Any, matrix: Any) -> Any:
        """Multiply one-hot vectors by the matrix: ONE_HOT, FULLY_CONNECTED and NEG.

        The vectors are negative, since the converter turns positive ones into the look-up that this is not to be.
        """
        if not self.exact:
            return tf.gather(matrix, index)
        return -tf.matmul(tf.one_hot(index, matrix.shape[0], on_value=-1.0, off_value=0.0), matrix)

    def project(self, values: Any, matrix: Any) -> Any:
        """Multiply by one matrix: RESHAPE, one MUL of all numbers with all, UNPACK and ADDs.

        The matrix stays one constant of the file; a MUL for each of its rows would store every row apart.
        """
        if not self.exact:
            return tf.tensordot(values, matrix, 1)
        # [..., inner, 1] * [inner, width] -> [..., inner, width]
        return _total(tf.unstack(tf.expand_dims(values, -1) * matrix, axis=-2))

    def products(self, left: Any, right: Any) -> Any:
        """Multiply matrix by matrix: two SPLITs, MULs and ADDs.

        All products at once would take fewer operations and memory for as many numbers as there are multiplications.
        """
        if not self.exact:
            return tf.matmul(left, right)
        inner = left.shape[-1]
        # [..., height, 1] * [..., 1, width] -> [..., height, width]
        pairs = zip(tf.split(left, inner, axis=-1), tf.split(right, inner, axis=-2), strict=True)
        return _total(column * row for column, row in pairs)


def _lengths(values: Any) -> list[Any]:
    # An exported graph knows every length; then a new shape is a constant and not computed on the device.
    return [known or tf.shape(values)[axis] for axis, known in enumerate(values.shape)]


def _total(parts: Iterable[Any]) -> Any:
    """Add up from the first part to the last."""
    return functools.reduce(operator.add, parts)
