"""The TensorFlow binding of the look-up operations, for training and for conversion alike.

Each operation is the TensorFlow form that converts to builtin TFLite operations without helpers:
`tf.gather`, unlike Keras' `ops.take`, adds no operations that wrap negative ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


class TensorFlowOps:
    """TensorFlow tensors instead of NumPy arrays; the meaning is that of `NumpyOps`."""

    def gather(self, table: Any, index: Any) -> Any:
        """Return the rows `index` of `table`: one GATHER."""
        return tf.gather(table, index)

    def minimum(self, left: Any, right: Any) -> Any:
        """Return the smaller of both: MINIMUM."""
        return tf.minimum(left, right)

    def maximum(self, left: Any, right: Any) -> Any:
        """Return the larger of both: MAXIMUM."""
        return tf.maximum(left, right)

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
        # An exported graph knows every length; then the new shape is a constant and not computed on the device.
        lengths = [known or tf.shape(values)[axis] for axis, known in enumerate(values.shape)]
        return tf.reshape(values, [*lengths[:-2], values.shape[-2] * values.shape[-1]])

    def to_float(self, values: Any) -> Any:
        """Convert integers to float32: CAST."""
        return tf.cast(values, tf.float32)
